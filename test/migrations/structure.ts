import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { readStructure, without } from '../../src/migrations/structure.ts'

const read = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  return readStructure(connection)
}

t.test('columns tell their type, NOT NULL, default, key and computation', async t => {
  const { tables } = read(
    t,
    `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, b NOT NULL DEFAULT 'x', c TEXT DEFAULT NULL,
       d AS (b) STORED, e TEXT AS (b))`,
  )
  const none = { type: '', notNull: false, default: null, key: 0, generated: null }
  t.strictSame(tables[0]?.columns, [
    { ...none, name: 'id', type: 'INTEGER', key: 1 },
    { ...none, name: 'b', notNull: true, default: "'x'" },
    { ...none, name: 'c', type: 'TEXT' },
    { ...none, name: 'd', generated: 'stored' },
    { ...none, name: 'e', type: 'TEXT', generated: 'virtual' },
  ])
  t.match(tables, [{ name: 'a', autoincrement: true }])
})

t.test('indexes tell their columns and expressions; the one of the primary key is left out', async t => {
  const { tables } = read(
    t,
    'CREATE TABLE a (x TEXT PRIMARY KEY, y UNIQUE, UNIQUE (x, y)); CREATE INDEX i ON a (y, lower(x)) WHERE x > 1',
  )
  t.strictSame(
    tables[0]?.indexes.map(({ name, unique, parts }) => [name, unique, parts.map(({ of }) => of).join()]),
    [
      ['i', false, 'y,expression'],
      [null, true, 'y'],
      [null, true, 'x,y'],
    ],
  )
  t.match(tables[0]?.indexes[0]?.sql, /WHERE x > 1/)
})

t.test('foreign keys tell the columns on both sides, also where the text names no parent columns', async t => {
  const { tables } = read(
    t,
    `CREATE TABLE p (a, b, PRIMARY KEY (a, b));
     CREATE TABLE c (x, y, z REFERENCES p (a), FOREIGN KEY (x, y) REFERENCES p, FOREIGN KEY (x) REFERENCES none)`,
  )
  t.strictSame(
    tables[0]?.foreignKeys.toSorted((a, b) => a.columns.length - b.columns.length),
    [
      { columns: ['x'], parent: 'none', parentColumns: [] },
      { columns: ['z'], parent: 'p', parentColumns: ['a'] },
      { columns: ['x', 'y'], parent: 'p', parentColumns: ['a', 'b'] },
    ],
  )
})

t.test(
  "views and triggers are there, SQLite's own tables, those behind a virtual one, and the history are not",
  async t => {
    const structure = read(
      t,
      `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE VIEW v AS SELECT 1;
     CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT 1; END; CREATE VIRTUAL TABLE f USING fts5 (x);
     CREATE TABLE SequelizeMeta (name)`,
    )
    t.match(structure, {
      tables: [{ name: 'a' }, { name: 'f' }],
      views: [{ name: 'v' }],
      triggers: [{ name: 'g', table: 'a', sql: /^CREATE TRIGGER/ }],
    })
    t.equal(structure.tables.length, 2)
  },
)

t.test('the tables that another structure has not are known by name', async t => {
  const [one, two] = [read(t, 'CREATE TABLE a (x); CREATE TABLE b (x)'), read(t, 'CREATE TABLE a (y)')]
  t.match(without(one, two), [{ name: 'b' }])
  t.strictSame(without(two, one), [])
})
