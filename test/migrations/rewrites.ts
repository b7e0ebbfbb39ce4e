import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { rewrittenTables, sizeOfTable } from '../../src/migrations/rewrites.ts'

const tablesOf = (...texts: readonly string[]) =>
  rewrittenTables(texts.map(text => ({ name: '0001-x', file: '0001-x.ts', text })))

t.test('the tables that the text of a migration writes anew are told, each once', async t => {
  t.strictSame(tablesOf("await schema.rebuildTable('servers', 'CREATE TABLE …')"), ['servers'])
  t.strictSame(tablesOf('await schema.changeColumn(\n  "metrics", "x", {})', "schema.addConstraint('metrics', {})"), [
    'metrics',
  ])
  t.strictSame(tablesOf("schema.backfill('UPDATE a SET x = 1 WHERE id BETWEEN $first AND $last', { table: 'a' })"), [
    'a',
  ])
  t.strictSame(tablesOf("query('UPDATE `b` SET x = 1')"), ['b'])
})

t.test('where a text does not say which table, it may be any', async t => {
  t.strictSame(tablesOf('await schema.rebuildTable(table, sql)'), [undefined])
})

t.test('what makes, drops or renames writes no table anew', async t => {
  t.strictSame(tablesOf("schema.createTable('a', {}); schema.addColumn('a', 'b', {}); schema.dropTable('a')"), [])
})

t.test('the size of a table is that of its pages and of its indexes, and of all where it is not said', async t => {
  const connection = new Database(join(t.testdir(), 'x.db'))
  connection.exec(`CREATE TABLE a (x); CREATE INDEX i ON a (x); CREATE TABLE b (x);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) INSERT INTO a SELECT hex(randomblob(50)) FROM n`)
  const [a, b, all] = ['a', 'b', undefined].map(table => sizeOfTable(connection, table))
  t.ok(Number(a) > 200_000)
  t.equal(b, 4096)
  t.equal(all, Number(a) + Number(b))
  t.equal(sizeOfTable(connection, 'none'), 0)
  connection.close()
})
