import Database from 'better-sqlite3'
import t from 'tap'
import { countRows, countTables } from '../../src/database/count-tables.ts'

t.test('rows are counted per table, whatever its name; views and indexes have none', async t => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE b (x); CREATE TABLE "a ""quoted""" (x); INSERT INTO b VALUES (1), (2);
    CREATE VIEW v AS SELECT * FROM b; CREATE INDEX i ON b (x)`)
  t.strictSame(countTables(connection), [
    { name: 'a "quoted"', rows: 0 },
    { name: 'b', rows: 2 },
  ])
  t.strictSame(countRows(connection, 'v'), [2])
  connection.close()
})
