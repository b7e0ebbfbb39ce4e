import Database from 'better-sqlite3'
import t from 'tap'
import { readTableText } from '../../src/database/table-text.ts'

/** The text as SQLite keeps it, so that no test reads what SQLite would refuse. */
const read = (definition: string) => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE a ${definition}`)
  const sql = connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'a'").pluck().get()
  connection.close()
  return readTableText(String(sql))
}

t.test('a plain table has nothing of it', async t => {
  t.strictSame(read('(x INTEGER, "y z" TEXT, UNIQUE (x), PRIMARY KEY (x))'), {
    columns: [
      { name: 'x', collation: 'BINARY', expression: null },
      { name: 'y z', collation: 'BINARY', expression: null },
    ],
    checks: [],
    autoincrement: false,
    onConflict: [],
    deferred: [],
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
  const { deferred } =
    read(`(x REFERENCES b DEFERRABLE INITIALLY DEFERRED, y REFERENCES b NOT DEFERRABLE INITIALLY DEFERRED,
    z REFERENCES b DEFERRABLE, "v w", u, CONSTRAINT f FOREIGN KEY ("v w", u) REFERENCES b (k, l) ON DELETE CASCADE DEFERRABLE
    INITIALLY DEFERRED)`)
  t.strictSame(deferred, [['x'], ['v w', 'u']])
})
