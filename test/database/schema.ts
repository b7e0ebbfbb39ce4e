import Database from 'better-sqlite3'
import t from 'tap'
import { readSchema } from '../../src/database/schema.ts'

const schemaOf = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const schema = readSchema(connection)
  connection.close()
  return schema
}

t.test("SQLite's own tables and automatic indexes are left out", async t => {
  const schema = schemaOf('CREATE TABLE b (x INTEGER PRIMARY KEY AUTOINCREMENT, y UNIQUE); CREATE INDEX a ON b (x)')
  t.match(schema, [
    { type: 'index', name: 'a', table: 'b' },
    { type: 'table', name: 'b', table: 'b' },
  ])
  t.equal(schema.length, 2)
})
