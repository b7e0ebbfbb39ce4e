import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { runPlain } from '../../../src/engine.ts'
import { createHandle } from '../../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../../src/sqlite/bridge/sequelize.ts'
import { backfill } from '../../../src/sqlite/editor/backfill.ts'

const open = (t: Pick<Test, 'teardown'>, sql: string) => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(sql)
  const schema = connectHandle(createHandle(connection), runPlain).getQueryInterface()
  const progress: unknown[] = []
  const fill = (statement: string, batch?: number) =>
    backfill({ connection, schema }, statement, { table: 'a', ...(batch === undefined ? {} : { batch }) }, (...far) =>
      progress.push(far),
    )
  return { fill, progress, all: (query: string) => connection.prepare(query).all() }
}
const update = 'UPDATE a SET y = x * 2 WHERE _rowid_ BETWEEN $first AND $last'

t.test('every row is gone through once, in batches, wherever in the range of rowids they are', async t => {
  const { all, fill, progress } = open(
    t,
    `CREATE TABLE a (x INTEGER PRIMARY KEY, y);
     INSERT INTO a (x) VALUES (-5), (1), (2), (700), (9007199254740993)`,
  )
  await fill('UPDATE a SET y = coalesce(y, 0) + 1 WHERE x BETWEEN $first AND $last', 2)
  t.strictSame(all('SELECT DISTINCT y FROM a'), [{ y: 1 }])
  t.strictSame(progress, [
    ['a', 2, 5],
    ['a', 4, 5],
    ['a', 5, 5],
  ])
})

t.test('an empty table is done at once', async t => {
  const { fill, progress } = open(t, 'CREATE TABLE a (x, y)')
  await fill(update)
  t.strictSame(progress, [])
})

t.test('rows that the statement itself adds or removes do not make it endless', async t => {
  const { all, fill } = open(t, 'CREATE TABLE a (x, y); INSERT INTO a (x) VALUES (1), (2), (3)')
  await fill('INSERT INTO a (x) SELECT x + 10 FROM a WHERE rowid BETWEEN $first AND $last', 1)
  t.match(all('SELECT count(*) AS rows FROM a'), [{ rows: 6 }])
  await fill('DELETE FROM a WHERE rowid BETWEEN $first AND $last + 1', 1)
  t.match(all('SELECT count(*) AS rows FROM a'), [{ rows: 0 }])
})

t.test('a column called rowid does not lead it astray', async t => {
  const { all, fill } = open(t, "CREATE TABLE a (rowid TEXT, x, y); INSERT INTO a VALUES ('z', 1, 0), ('z', 2, 0)")
  await fill(update, 1)
  t.match(all('SELECT y FROM a'), [{ y: 2 }, { y: 4 }])
})

for (const [title, sql, statement, batch] of [
  ['a statement that takes no batch', 'CREATE TABLE a (x, y)', 'UPDATE a SET y = 1', 1],
  ['a statement without an end', 'CREATE TABLE a (x, y)', 'UPDATE a SET y = 1 WHERE x >= $first', 1],
  ['a batch of no rows', 'CREATE TABLE a (x, y)', update, 0],
  ['a batch of half a row', 'CREATE TABLE a (x, y)', update, 0.5],
  ['a table without rowids', 'CREATE TABLE a (x PRIMARY KEY, y) WITHOUT ROWID', update, 1],
  ['a table that hides its rowids', 'CREATE TABLE a (x, rowid, _rowid_, oid)', update, 1],
  ['a table that is not there', '', update, 1],
] as const) {
  t.test(`${title} is refused`, async t => {
    await t.rejects(open(t, sql).fill(statement, batch))
  })
}

t.test('a batch that fails ends it', async t => {
  const { fill, progress } = open(t, 'CREATE TABLE a (x, y CHECK (y < 4)); INSERT INTO a (x) VALUES (1), (2), (3)')
  await t.rejects(fill(update, 1))
  t.equal(progress.length, 1)
})
