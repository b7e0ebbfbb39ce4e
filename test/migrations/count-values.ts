import Database from 'better-sqlite3'
import t from 'tap'
import { readStructure } from '../../src/database/structure.ts'
import { countValues } from '../../src/migrations/count-values.ts'

t.test('what is NULL or computed is no value, and a virtual table tells none', async t => {
  const connection = new Database(':memory:')
  connection.exec(`CREATE TABLE a (id INTEGER PRIMARY KEY, "o""d'd" TEXT, twice AS (id * 2));
    INSERT INTO a VALUES (1, 'x'), (2, NULL), (3, ''); CREATE TABLE b (x); CREATE VIRTUAL TABLE words USING fts5(x)`)
  t.strictSame(countValues(connection, readStructure(connection)), [
    { table: 'a', column: 'id', number: 3 },
    { table: 'a', column: `o"d'd`, number: 2 },
    { table: 'b', column: 'x', number: 0 },
  ])
  connection.close()
})
