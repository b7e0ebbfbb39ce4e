import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { readObjects, wrongSize } from '../../src/sqlite/reader.ts'

const schemaOf = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const schema = readObjects(connection)
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

const make = (folder: string, mode: string): Database.Database => {
  const connection = new Database(join(folder, 'x.db'))
  connection.exec(`PRAGMA journal_mode = ${mode}; CREATE TABLE a (x); INSERT INTO a VALUES (1)`)
  return connection
}

t.test('a file of as many bytes as its pages has the right size', async t => {
  const connection = make(t.testdir(), 'DELETE')
  t.strictSame(wrongSize(connection.name, connection), [])
  connection.close()
})

t.test('one that grew has not', async t => {
  const connection = make(t.testdir(), 'DELETE')
  appendFileSync(connection.name, 'x')
  t.match(wrongSize(connection.name, connection), [/8193 bytes, where its 2 pages make 8192/])
  connection.close()
})

t.test('with a WAL the file alone says nothing', async t => {
  const connection = make(t.testdir(), 'WAL')
  t.strictSame(wrongSize(connection.name, connection), [])
  connection.close()
})
