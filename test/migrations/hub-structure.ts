import Database from 'better-sqlite3'
import t from 'tap'
import { prepareHistory } from '../../src/migrations/history.ts'
import { readHubStructure } from '../../src/migrations/hub-structure.ts'

t.test('the history, and what a person hung on it, is no part of what migrations made', async t => {
  const connection = new Database(':memory:')
  prepareHistory(connection, [])
  const trigger = (name: string, table: string) => `CREATE TRIGGER ${name} AFTER INSERT ON ${table} BEGIN SELECT 1; END`
  connection.exec(`CREATE TABLE a (x); CREATE VIEW v AS SELECT 1; CREATE INDEX i ON SequelizeMeta (checksum);
    ${trigger('r', 'a')}; ${trigger('s', 'SequelizeMeta')}`)
  const { tables, views, triggers } = readHubStructure(connection)
  t.strictSame(
    [tables, views, triggers].map(objects => objects.map(({ name }) => name)),
    [['a'], ['v'], ['r']],
  )
  connection.close()
})
