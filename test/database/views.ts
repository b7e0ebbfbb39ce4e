import Database from 'better-sqlite3'
import t from 'tap'
import { readViews } from '../../src/database/views.ts'

const read = (sql: string) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const views = readViews(connection)
  connection.close()
  return views.map(({ name, error }) => [name, error])
}

t.test('views are read by name, whatever it is', async t => {
  t.strictSame(read('CREATE TABLE a (x); CREATE VIEW "w ""1" AS SELECT x FROM a; CREATE VIEW v AS SELECT 1 AS one'), [
    ['v', null],
    ['w "1', null],
  ])
})

t.test('a view whose table or column is gone says so', async t => {
  t.strictSame(read('CREATE TABLE a (x); CREATE VIEW v AS SELECT x FROM a; DROP TABLE a'), [
    ['v', 'no such table: main.a'],
  ])
  t.strictSame(read('CREATE TABLE a (x); CREATE VIEW v AS SELECT z FROM a'), [['v', 'no such column: z']])
})

t.test('a function or collation that only the hub has is no fault of a view', async t => {
  t.strictSame(
    read(
      'CREATE TABLE a (x); CREATE VIEW v AS SELECT hubs_own(x) FROM a; CREATE VIEW w AS SELECT x COLLATE hubs FROM a',
    ),
    [
      ['v', null],
      ['w', null],
    ],
  )
})
