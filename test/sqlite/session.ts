import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { runPlain } from '../../src/engine.ts'
import { connectSequelize } from '../../src/sqlite/bridge/sequelize.ts'
import { openSessions } from '../../src/sqlite/bridge/session.ts'
import { mapValues, toArguments } from '../../src/sqlite/bridge/values.ts'

t.test('a session that is closed runs nothing more', async t => {
  const connection = new Database(join(t.testdir(), 'x.db'))
  const session = openSessions(connection, runPlain)()
  const closed = new Promise<void>(resolve => session.close(resolve))
  const outcome = await new Promise(resolve => session.run({ sql: 'CREATE TABLE a (x)', bound: [] }, resolve))
  t.match(outcome, { error: { code: 'SQLITE_MISUSE', message: /Database is closed/ } })
  await closed
  t.equal(connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get(), 0)
  connection.close()
})

t.test('values by number and by position are bound beside each other', async t => {
  const bound = ['one', 'two']
  t.strictSame(toArguments({ sql: 'SELECT $2', bound }), [{ 2: 'two' }])
  t.strictSame(toArguments({ sql: 'SELECT ?, $2, $1', bound }), [bound, { 2: 'two', 1: 'one' }])
  t.strictSame(toArguments({ sql: 'SELECT ?, ?', bound }), [bound])
  const connection = new Database(':memory:')
  const row = connection
    .prepare('SELECT ? AS x, $2 AS y')
    .get(...toArguments({ sql: 'SELECT ? AS x, $2 AS y', bound: ['one'] }))
  t.strictSame(row, { x: 'one', y: null })
  connection.close()
})

t.test('values that are none stay for Sequelize, which refuses them', async t => {
  const twice = (value: unknown) => [value, value]
  t.strictSame([mapValues(null, twice), mapValues('x', twice), mapValues({ x: 1 }, twice)], [null, 'x', { x: [1, 1] }])
  const connection = new Database(':memory:')
  // @ts-expect-error it takes texts, and objects with a text
  await t.rejects(connectSequelize(connection).query({ nothing: 'SELECT 1' }))
  connection.close()
})
