import Database from 'better-sqlite3'
import t from 'tap'
import { readStructure, type Table } from '../../src/database/structure.ts'

const read = (sql: string) => {
  const connection = new Database(':memory:')
  try {
    // SQLite's schema may be written to, as a test does to have what it would refuse
    connection.unsafeMode(true)
    connection.exec(sql)
    return readStructure(connection)
  } finally {
    connection.close()
  }
}
const plain = {
  virtual: false,
  withoutRowid: false,
  strict: false,
  autoincrement: false,
  foreignKeys: [],
  indexes: [],
  checks: [],
  onConflict: [],
} satisfies Partial<Table>

t.test('an empty database has nothing', async t => {
  t.strictSame(read(''), { tables: [], views: [], triggers: [] })
})

t.test('tables, views and triggers come by name, each with its text', async t => {
  const trigger = 'CREATE TRIGGER r AFTER INSERT ON a BEGIN SELECT 1; END'
  t.match(read(`CREATE TABLE b (x); CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a; ${trigger}`), {
    tables: [
      { ...plain, name: 'a', sql: 'CREATE TABLE a (x)' },
      { ...plain, name: 'b', sql: 'CREATE TABLE b (x)' },
    ],
    views: [{ name: 'v', sql: 'CREATE VIEW v AS SELECT x FROM a', error: null }],
    triggers: [{ name: 'r', table: 'a', sql: trigger }],
  })
})

t.test('what kind of table it is, is told', async t => {
  const { tables } =
    read(`CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT, CHECK (x > 0), UNIQUE (x) ON CONFLICT FAIL);
    CREATE TABLE b (x INT PRIMARY KEY) WITHOUT ROWID, STRICT`)
  t.match(tables, [
    { autoincrement: true, checks: ['x > 0'], onConflict: ['UNIQUE (x) ON CONFLICT FAIL'], withoutRowid: false },
    { autoincrement: false, checks: [], withoutRowid: true, strict: true },
  ])
})

t.test("SQLite's own tables, and those behind a virtual one, are left out", async t => {
  const { tables } = read(`CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (1); ANALYZE;
    CREATE VIRTUAL TABLE words USING fts5(word)`)
  t.match(
    tables.map(({ name, virtual, columns }) => [name, virtual, columns.length]),
    [
      ['a', false, 1],
      ['words', true, 0],
    ],
  )
})

t.test('a virtual table whose module is not here does not keep the rest from being read', async t => {
  const { tables } = read(`CREATE VIRTUAL TABLE words USING fts5(word); CREATE TABLE a (x); PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE words USING elsewhere(word)' WHERE name = 'words';
    PRAGMA writable_schema = RESET`)
  t.match(tables, [{ name: 'a' }, { name: 'words', virtual: true }])
})

t.test('names with quotes and spaces are read', async t => {
  const { tables } = read(
    `CREATE TABLE "it's ""a""" ("x y" TEXT COLLATE NOCASE, z AS ("x y")); CREATE INDEX "i j" ON "it's ""a""" ("x y")`,
  )
  t.match(tables, [
    {
      name: 'it\'s "a"',
      columns: [
        { name: 'x y', collation: 'NOCASE' },
        { name: 'z', generated: { expression: '"x y"' } },
      ],
      indexes: [{ name: 'i j' }],
    },
  ])
})

t.test('what ALTER TABLE made is read', async t => {
  const { tables } =
    read(`CREATE TABLE a (x); ALTER TABLE a ADD COLUMN y TEXT DEFAULT 'b' REFERENCES a (x) ON DELETE SET NULL;
    ALTER TABLE a RENAME COLUMN x TO "z z"; ALTER TABLE a ADD COLUMN w AS (y || 'w')`)
  t.match(tables, [
    {
      columns: [{ name: 'z z' }, { name: 'y', default: "'b'" }, { name: 'w', generated: { kind: 'virtual' } }],
      foreignKeys: [{ columns: ['y'], parent: 'a', parentColumns: ['z z'], onDelete: 'SET NULL' }],
    },
  ])
})
