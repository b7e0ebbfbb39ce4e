import Database from 'better-sqlite3'
import { DataTypes, literal } from 'sequelize'
import t, { type Test } from 'tap'
import { connectSequelize } from '../../src/database/sequelize.ts'
import { changeColumn } from '../../src/migrations/change-column.ts'

const open = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  const schema = connectSequelize(connection).getQueryInterface()
  return {
    change: (column: string, wanted: unknown) => changeColumn(schema, 'a', column, wanted),
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
