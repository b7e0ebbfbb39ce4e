import Database from 'better-sqlite3'
import t from 'tap'
import { affinityOf } from '../../src/database/affinity.ts'

/** The examples of SQLite's own table (https://www.sqlite.org/datatype3.html#affinity_name_examples), and what surprises. */
const types =
  `INT INTEGER TINYINT SMALLINT MEDIUMINT BIGINT UNSIGNED_BIG_INT INT2 INT8 CHARACTER(20) VARCHAR(255) VARYING_CHARACTER(255)
  NCHAR(55) NATIVE_CHARACTER(70) NVARCHAR(100) TEXT CLOB BLOB REAL DOUBLE DOUBLE_PRECISION FLOAT NUMERIC DECIMAL(10,5) BOOLEAN
  DATE DATETIME TIMESTAMP CHARINT FLOATING_POINT STRING JSON varchar`
    .split(/\s+/)
    .map(type => type.replaceAll('_', ' '))

/** How a text of digits is stored tells the affinity, save INTEGER from NUMERIC, which differ in a CAST alone. */
const stored = (connection: Database.Database, type: string): unknown => {
  connection.exec(`DROP TABLE IF EXISTS a; CREATE TABLE a (x ${type}); INSERT INTO a VALUES ('500.0')`)
  return connection
    .prepare(`SELECT typeof(x) || ' ' || typeof(CAST('1e99' AS ${type || 'BLOB'})) FROM a`)
    .pluck()
    .get()
}
const meaning = {
  INTEGER: 'integer integer',
  TEXT: 'text text',
  BLOB: 'text blob',
  REAL: 'real real',
  NUMERIC: 'integer real',
}

t.test('each type is what SQLite makes of it', async t => {
  const connection = new Database(':memory:')
  for (const type of [...types, '']) t.equal(stored(connection, type), meaning[affinityOf(type)], type)
  connection.close()
})
