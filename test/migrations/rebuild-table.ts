import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { connectSequelize } from '../../src/database/sequelize.ts'
import { makeSafe } from '../../src/migrations/schema-editor.ts'

const open = (sql: string) => {
  const connection = new Database(':memory:')
  connection.pragma('foreign_keys = OFF')
  connection.exec(sql)
  const schema = makeSafe(connectSequelize(connection).getQueryInterface(), () => undefined)
  const all = (query: string) => connection.prepare(query).all()
  return { connection, schema, all }
}
const opened = (t: Pick<Test, 'teardown'>, sql: string) => {
  const database = open(sql)
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
  await t.rejects(schema.rebuildTable('a', 'CREATE TABLE a (x UNIQUE ON CONFLICT IGNORE)'), { message: /1 rows of 2/ })
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
