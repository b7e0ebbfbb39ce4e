import Database from 'better-sqlite3'
import { DataTypes, literal } from 'sequelize'
import t, { type Test } from 'tap'
import { runPlain } from '../../../src/engine.ts'
import { createHandle } from '../../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../../src/sqlite/bridge/sequelize.ts'
import { changeColumn } from '../../../src/sqlite/editor/rebuild.ts'
import { makeEditor } from '../../help/editor.ts'

const open = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  const schema = connectHandle(createHandle(connection), runPlain).getQueryInterface()
  return {
    change: (column: string, wanted: unknown) => changeColumn({ connection, schema }, 'a', column, wanted),
    rows: () => connection.prepare('SELECT * FROM a').all(),
    sql: () => connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'a'").pluck().get(),
  }
}
const table = `CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, x TEXT DEFAULT '1' COLLATE NOCASE CHECK (x <> ''),
  twice AS (x * 2), z)`

t.test('the type changes, the values with it, and nothing else of the column', async t => {
  const { change, rows, sql } = open(t, `${table}; INSERT INTO a (x) VALUES ('5'), (NULL), ('words')`)
  await change('x', DataTypes.INTEGER)
  t.match(sql(), /"?a"? \(id INTEGER PRIMARY KEY AUTOINCREMENT, x INTEGER DEFAULT '1' COLLATE NOCASE CHECK \(x <> ''\)/)
  t.match(rows(), [
    { id: 1, x: 5 },
    { id: 2, x: null },
    { id: 3, x: 'words' },
  ])
})

t.test('the default changes, and can be taken away', async t => {
  const { change, sql } = open(t, table)
  await change('x', { type: 'TEXT', defaultValue: "it's" })
  t.match(sql(), /x TEXT {2}DEFAULT 'it''s' COLLATE NOCASE/)
  await change('x', { defaultValue: null })
  t.match(sql(), /DEFAULT NULL/)
  await change('z', { type: DataTypes.BOOLEAN, defaultValue: false, allowNull: false })
  t.match(sql(), /z TINYINT\(1\) DEFAULT 0 NOT NULL/)
  await change('x', { defaultValue: literal('CURRENT_TIMESTAMP') })
  t.match(sql(), /DEFAULT CURRENT_TIMESTAMP/)
})

for (const [value, type] of [
  ["'007'", DataTypes.INTEGER],
  ['9223372036854775807', 'REAL'],
  ["'1.50'", DataTypes.DOUBLE],
] as const) {
  t.test(`a type that would change ${value} is refused`, async t => {
    const { change, rows } = open(t, `CREATE TABLE a (x); INSERT INTO a VALUES (1), (${value})`)
    const before = rows()
    await t.rejects(change('x', { type }), { message: /a\.x/ })
    t.strictSame(rows(), before)
  })
}

for (const [title, column, wanted] of [
  ['a column that is not there', 'nothing', DataTypes.TEXT],
  ['a primary key', 'id', DataTypes.TEXT],
  ['a generated column', 'twice', DataTypes.TEXT],
  ['what changeColumn cannot do', 'x', { type: 'TEXT', unique: true }],
  ['a foreign key', 'x', { type: 'TEXT', references: { model: 'b', key: 'id' } }],
  ['a default that only Sequelize can fill in', 'x', { type: 'TEXT', defaultValue: DataTypes.NOW }],
  ['a default that is no constant', 'x', { type: 'TEXT', defaultValue: literal('lower(z)') }],
  ['no type at all', 'x', undefined],
] as const) {
  t.test(`${title} is refused, and the table stays`, async t => {
    const { change, sql } = open(t, table)
    await t.rejects(change(column, wanted))
    t.equal(sql(), table)
  })
}

const openForRebuild = (sql: string) => {
  const connection = new Database(':memory:')
  connection.pragma('foreign_keys = OFF')
  connection.exec(sql)
  const schema = makeEditor(connection)
  const all = (query: string) => connection.prepare(query).all()
  return { connection, schema, all }
}
const opened = (t: Pick<Test, 'teardown'>, sql: string) => {
  const database = openForRebuild(sql)
  t.teardown(() => database.connection.close())
  return database
}

t.test(
  'what ALTER TABLE cannot do: another type, a foreign key with its action, a new column filled by an expression',
  async t => {
    const { all, schema } = opened(
      t,
      "CREATE TABLE p (id TEXT PRIMARY KEY); CREATE TABLE a (x TEXT, y TEXT); INSERT INTO a VALUES ('5', 'Up')",
    )
    await schema.rebuildTable(
      'a',
      'CREATE TABLE a (x INTEGER, y TEXT, low TEXT NOT NULL, p TEXT REFERENCES p (id) ON DELETE CASCADE)',
      {
        copy: { low: 'lower(y)' },
      },
    )
    t.strictSame(all('SELECT *, typeof(x) AS kind FROM a'), [{ x: 5, y: 'Up', low: 'up', p: null, kind: 'integer' }])
    t.match(all('SELECT * FROM pragma_foreign_key_list($a)'.replace('$a', "'a'")), [
      { table: 'p', on_delete: 'CASCADE' },
    ])
  },
)

t.test('a column goes only when it is named', async t => {
  const { all, schema } = opened(t, 'CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 2)')
  await t.rejects(schema.rebuildTable('a', 'CREATE TABLE a (x)'), { message: /would drop y/ })
  const again = opened(t, 'CREATE TABLE a (x, y); INSERT INTO a VALUES (1, 2)')
  await again.schema.rebuildTable('a', 'CREATE TABLE a (x)', { copy: { y: null } })
  t.strictSame(again.all('SELECT * FROM a'), [{ x: 1 }])
  t.strictSame(all('SELECT * FROM a'), [{ x: 1, y: 2 }])
})

t.test('a number of rows that changes is an error', async t => {
  const { schema } = opened(t, 'CREATE TABLE a (x); INSERT INTO a VALUES (1), (1)')
  await t.rejects(schema.rebuildTable('a', 'CREATE TABLE a (x UNIQUE ON CONFLICT IGNORE)'), {
    message: '2 rows of a are alike in x, as in x = 1',
  })
})

t.test('rows that a CHECK refuses are told by its expression, whatever other names a text gives', async t => {
  const { schema } = opened(t, 'CREATE TABLE a (x); INSERT INTO a VALUES (1), (2)')
  const createSql = 'CREATE TABLE a (x CONSTRAINT once UNIQUE, CONSTRAINT large CHECK (x > 1))'
  await t.rejects(schema.rebuildTable('a', createSql), { message: /1 row of a .*x > 1/ })
})

for (const [title, createSql] of [
  ['another name', 'CREATE TABLE b (x)'],
  ['a name that only begins alike', 'CREATE TABLE ab (x)'],
  ['no CREATE TABLE', 'SELECT 1'],
  ['CREATE TABLE IF NOT EXISTS', 'CREATE TABLE IF NOT EXISTS a (x)'],
  ['a syntax error', 'CREATE TABLE a (x'],
] as const) {
  t.test(`${title} is refused`, async t => {
    const { all, schema } = opened(t, 'CREATE TABLE a (x); INSERT INTO a VALUES (1)')
    await t.rejects(schema.rebuildTable('a', createSql))
    t.strictSame(all('SELECT * FROM a'), [{ x: 1 }])
  })
}

t.test('a table that is not there, or is a view, is refused', async t => {
  const { schema } = opened(t, 'CREATE VIEW v AS SELECT 1 AS x')
  await t.rejects(schema.rebuildTable('nothing', 'CREATE TABLE nothing (x)'))
  await t.rejects(schema.rebuildTable('v', 'CREATE TABLE v (x)'))
})

t.test('rowids stay, also where a column is called rowid', async t => {
  for (const column of ['x', 'rowid', 'ROWID']) {
    const { all, schema } = opened(t, `CREATE TABLE a ("${column}", y); INSERT INTO a (_rowid_, y) VALUES (7, 'seven')`)
    await schema.rebuildTable('a', `CREATE TABLE a ("${column}", y, z)`)
    t.match(all('SELECT _rowid_ AS id, y FROM a'), [{ id: 7, y: 'seven' }])
  }
})
