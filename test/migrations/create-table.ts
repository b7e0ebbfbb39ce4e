import Database from 'better-sqlite3'
import t from 'tap'
import { withColumnChanged, withConstraint } from '../../src/migrations/create-table.ts'

for (const [title, before, after] of [
  ['the end of the list', 'CREATE TABLE a (x, y)', 'CREATE TABLE a (x, y, CHECK (x))'],
  [
    'before table options',
    'CREATE TABLE a (x CHECK (x IN (1))) STRICT',
    'CREATE TABLE a (x CHECK (x IN (1)), CHECK (x)) STRICT',
  ],
  ['before a comment, not in it', 'CREATE TABLE a (x -- so)\n)', 'CREATE TABLE a (x, CHECK (x) -- so)\n)'],
] as const) {
  t.test(`a constraint goes to ${title}`, async t => {
    t.equal(withConstraint(before, 'CHECK (x)'), after)
  })
}

for (const [title, before, after] of [
  ['a bare column', 'CREATE TABLE a (x, y)', 'CREATE TABLE a (x REAL DEFAULT 1, y)'],
  ['a type of several words', 'CREATE TABLE a (x VARYING CHARACTER(5), y)', 'CREATE TABLE a (x REAL DEFAULT 1, y)'],
  ['a quoted name in other letters', 'CREATE TABLE a ("X" INT)', 'CREATE TABLE a ("X" REAL DEFAULT 1)'],
  ['backquotes', 'CREATE TABLE a (`x` INT)', 'CREATE TABLE a (`x` REAL DEFAULT 1)'],
  ['brackets', 'CREATE TABLE a ([x] INT)', 'CREATE TABLE a ([x] REAL DEFAULT 1)'],
  [
    'a default that is an expression with commas and quotes',
    "CREATE TABLE a (y, x INT NOT NULL DEFAULT (max(1, ')')) COLLATE NOCASE)",
    'CREATE TABLE a (y, x REAL NOT NULL  DEFAULT 1 COLLATE NOCASE)',
  ],
  ['a default NULL', 'CREATE TABLE a (x INT DEFAULT NULL NOT NULL)', 'CREATE TABLE a (x REAL  DEFAULT 1 NOT NULL)'],
  ['a signed default', 'CREATE TABLE a (x INT DEFAULT -1.5e3, y)', 'CREATE TABLE a (x REAL  DEFAULT 1, y)'],
  [
    'a comment that looks like a column',
    'CREATE TABLE a (y, /* , x INT */ x INT)',
    'CREATE TABLE a (y, /* , x INT */ x REAL DEFAULT 1)',
  ],
] as const) {
  t.test(`type and default of ${title} are found`, async t => {
    const changed = withColumnChanged(before, 'x', { type: 'REAL', fallback: 'DEFAULT 1' })
    t.equal(changed, after)
    const connection = new Database(':memory:')
    connection.exec(changed)
    const column = connection
      .prepare("SELECT type, dflt_value FROM pragma_table_xinfo('a') WHERE lower(name) = 'x'")
      .get()
    t.strictSame(column, { type: 'REAL', dflt_value: '1' })
    connection.close()
  })
}

t.test('what is not named stays', async t => {
  t.equal(withColumnChanged('CREATE TABLE a (x INT)', 'x', {}), 'CREATE TABLE a (x INT)')
  t.equal(
    withColumnChanged('CREATE TABLE a (x INT DEFAULT 1)', 'x', { type: 'TEXT' }),
    'CREATE TABLE a (x TEXT DEFAULT 1)',
  )
})

t.test('a text without columns is an error', async t => {
  t.throws(() => withConstraint('CREATE TABLE a AS SELECT 1', 'CHECK (x)'))
  t.throws(() => withColumnChanged('CREATE TABLE a ()', 'y', { type: 'INT' }))
})

t.test('a column that is not there is an error', async t => {
  t.throws(() => withColumnChanged('CREATE TABLE a (x, CHECK (y > 1))', 'y', { type: 'INT' }), {
    message: /no column y/,
  })
})
