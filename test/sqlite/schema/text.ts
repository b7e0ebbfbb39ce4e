import Database from 'better-sqlite3'
import t from 'tap'
import { must } from '../../../src/failure.ts'
import { readTableText, withActions, withColumnChanged, withConstraint } from '../../../src/sqlite/schema/text.ts'

/** The text as SQLite keeps it, so that no test reads what SQLite would refuse. */
const read = (definition: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE a ${definition}`)
  const sql = connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'a'").pluck().get()
  connection.close()
  return readTableText(String(sql))
}

t.test('a plain table has nothing of it', async t => {
  t.match(read('(x INTEGER, "y z" TEXT, UNIQUE (x), PRIMARY KEY (x))'), {
    kind: 'TABLE',
    name: 'a',
    columns: [
      { name: 'x', defaultAt: null, collation: 'BINARY', expression: null },
      { name: 'y z', defaultAt: null, collation: 'BINARY', expression: null },
    ],
    checks: [],
    autoincrement: false,
    onConflict: [],
    foreignKeys: [],
    constraints: [],
  })
})

t.test('a collation is told, also a quoted one, and not that of an expression', async t => {
  const { columns } = read('(x TEXT COLLATE nocase, y COLLATE "RTRIM", z CHECK (z = 1 COLLATE NOCASE))')
  t.strictSame(
    columns.map(({ collation }) => collation),
    ['NOCASE', 'RTRIM', 'BINARY'],
  )
})

t.test('the expression of a generated column is told, in either form', async t => {
  const { columns } = read("(x, y INT GENERATED ALWAYS AS (max(x, ')')) STORED, z AS (x  /* so */ + 1))")
  t.strictSame(
    columns.map(({ expression }) => expression),
    [null, "max(x, ')')", 'x + 1'],
  )
})

t.test('checks are told, of columns and of the table, named or not, with and without commas between', async t => {
  const { checks } = read(
    "(x CHECK (x > 0) CHECK (x < 9), CONSTRAINT c CHECK (x <> ')'), CHECK (x <> 5) CHECK (x <> 6))",
  )
  t.strictSame(checks, ['x > 0', 'x < 9', "x <> ')'", 'x <> 5', 'x <> 6'])
})

for (const definition of ['(x INTEGER PRIMARY KEY AUTOINCREMENT)', '(x INTEGER, PRIMARY KEY (x AUTOINCREMENT))']) {
  t.test(`${definition} has AUTOINCREMENT`, async t => t.equal(read(definition).autoincrement, true))
}

for (const definition of ["(x INTEGER PRIMARY KEY DEFAULT 'AUTOINCREMENT')", '(x, "autoincrement")']) {
  t.test(`${definition} has none`, async t => t.equal(read(definition).autoincrement, false))
}

t.test('ON CONFLICT is told with its constraint', async t => {
  const { onConflict } = read(
    '(x NOT NULL ON CONFLICT IGNORE UNIQUE, y NOT NULL UNIQUE ON CONFLICT REPLACE, UNIQUE (x, y) ON CONFLICT FAIL)',
  )
  t.strictSame(onConflict, [
    'x NOT NULL ON CONFLICT IGNORE',
    'y UNIQUE ON CONFLICT REPLACE',
    'UNIQUE (x, y) ON CONFLICT FAIL',
  ])
})

t.test('a column may be called conflict', async t => t.strictSame(read('(conflict TEXT)').onConflict, []))

t.test('foreign keys that are checked at COMMIT are told by their columns', async t => {
  const { foreignKeys } =
    read(`(x REFERENCES b DEFERRABLE INITIALLY DEFERRED, y REFERENCES b NOT DEFERRABLE INITIALLY DEFERRED,
    z REFERENCES b DEFERRABLE, "v w", u, CONSTRAINT f FOREIGN KEY ("v w", u) REFERENCES b (k, l) ON DELETE CASCADE DEFERRABLE
    INITIALLY DEFERRED)`)
  t.strictSame(
    foreignKeys.filter(({ deferred }) => deferred).map(({ columns }) => columns),
    [['x'], ['v w', 'u']],
  )
})

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

t.test('a name without a constraint, which SQLite takes, is none', async t => {
  t.strictSame(
    read('(x CONSTRAINT c, y UNIQUE CONSTRAINT d)').constraints.map(({ kind }) => kind),
    ['UNIQUE'],
  )
})

t.test('the actions of a foreign key that are named change, and the others stay', async t => {
  const before = 'CREATE TABLE a (x REFERENCES b (y) ON UPDATE NO ACTION ON DELETE SET NULL, z)'
  const [key] = readTableText(before).constraints
  for (const [actions, after] of [
    [{}, before],
    [{ onUpdate: 'CASCADE' }, 'CREATE TABLE a (x REFERENCES b (y) ON DELETE SET NULL ON UPDATE CASCADE, z)'],
    [{ onDelete: 'CASCADE' }, 'CREATE TABLE a (x REFERENCES b (y) ON UPDATE NO ACTION ON DELETE CASCADE, z)'],
  ] as const)
    t.equal(withActions(before, must(key), actions), after)
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
