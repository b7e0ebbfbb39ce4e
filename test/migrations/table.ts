import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { connectSequelize } from '../../src/database/sequelize.ts'
import { quote } from '../../src/database/tokens.ts'
import { readColumns, readTable, select } from '../../src/migrations/table.ts'

const open = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  return connectSequelize(connection).getQueryInterface()
}

t.test('a table tells of its rowid and its AUTOINCREMENT high mark', async t => {
  const schema = open(
    t,
    `CREATE TABLE a (x INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO a VALUES (5); DELETE FROM a;
     CREATE TABLE b (x PRIMARY KEY) WITHOUT ROWID; CREATE TABLE c (x INTEGER PRIMARY KEY AUTOINCREMENT)`,
  )
  t.strictSame(await readTable(schema, 'a'), { hasRowid: true, autoincrement: true, sequence: [5] })
  t.strictSame(await readTable(schema, 'b'), { hasRowid: false, autoincrement: false, sequence: [] })
  t.strictSame(await readTable(schema, 'c'), { hasRowid: true, autoincrement: true, sequence: [] })
})

t.test('the word AUTOINCREMENT in a comment is none where no table has it', async t => {
  const schema = open(t, 'CREATE TABLE a (x /* no AUTOINCREMENT */)')
  t.match(await readTable(schema, 'a'), { autoincrement: false })
})

t.test('a table that is not there is an error', async t => {
  await t.rejects(readTable(open(t, ''), 'a'))
})

t.test('columns tell whether they are stored, and which is the rowid', async t => {
  const sql = `CREATE TABLE a (id INTEGER PRIMARY KEY, g AS (id) VIRTUAL, s AS (id) STORED);
    CREATE TABLE b (x INTEGER, y INTEGER, PRIMARY KEY (x, y)); CREATE TABLE c (x INT PRIMARY KEY)`
  const schema = open(t, sql)
  t.strictSame(await readColumns(schema, 'a'), [
    { name: 'id', stored: true, rowidAlias: true },
    { name: 'g', stored: false, rowidAlias: false },
    { name: 's', stored: false, rowidAlias: false },
  ])
  for (const table of ['b', 'c']) {
    for (const { rowidAlias } of await readColumns(schema, table)) t.equal(rowidAlias, false)
  }
})

t.test('any name can be quoted', async t => {
  const schema = open(t, '')
  t.strictSame(await select(schema, `SELECT 1 AS ${quote('it"s; --')}`), [{ 'it"s; --': 1 }])
})
