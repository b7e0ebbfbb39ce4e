import Database from 'better-sqlite3'
import t from 'tap'
import { fingerprint, readSchema } from '../../src/database/schema.ts'

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

t.test('the fingerprint follows the schema and what else is passed in, not the order of making', async t => {
  const one = schemaOf('CREATE TABLE a (x); CREATE TABLE b (y)')
  t.equal(fingerprint(one), fingerprint(schemaOf('CREATE TABLE b (y); CREATE TABLE a (x)')))
  t.not(fingerprint(one), fingerprint(schemaOf('CREATE TABLE a (x); CREATE TABLE b (z)')))
  t.not(fingerprint(one), fingerprint(one, 'more'))
  t.match(fingerprint(one), /^sha256:[0-9a-f]{64}$/)
})
