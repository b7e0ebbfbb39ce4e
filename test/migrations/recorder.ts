import Database from 'better-sqlite3'
import t from 'tap'
import { createBridge } from '../../src/database/bridge.ts'
import { afterOf, createRecorder, stepThat, withoutUndone } from '../../src/migrations/recorder.ts'
import { recordStatements } from '../help/recorded.ts'

const made = 'CREATE TABLE a (x UNIQUE); INSERT INTO a VALUES (1), (2)'

t.test(
  'statements are recorded in order, with the rows that they wrote and what they made of the structure',
  async t => {
    const recording = await recordStatements(t, made, [
      'UPDATE a SET x = x + 5',
      'INSERT INTO a VALUES (8) RETURNING x',
      'CREATE TABLE b (x)',
      'DELETE FROM a',
    ])
    t.match(recording.steps, [
      { sql: 'UPDATE a SET x = x + 5', rows: 2, error: null, milliseconds: Number },
      { rows: 1 },
      { rows: 0, before: { tables: [{ name: 'a' }] }, after: { tables: [{ name: 'a' }, { name: 'b' }] } },
      { rows: 3 },
    ])
    t.equal(recording.steps[0]?.before, recording.steps[0]?.after, 'it is read anew only where it changed')
    t.match(afterOf(recording), { tables: [{ name: 'a' }, { name: 'b' }] })
  },
)

t.test('what writes no rows has none, whatever the statement before it wrote', async t => {
  const { steps } = await recordStatements(t, made, [
    'CREATE TABLE b (x PRIMARY KEY) WITHOUT ROWID',
    'WITH n AS (SELECT 8 AS x) INSERT INTO a SELECT x FROM n',
    'CREATE TABLE c (x PRIMARY KEY) WITHOUT ROWID',
    'PRAGMA journal_mode = MEMORY',
    'REPLACE INTO a VALUES (8), (9)',
    'CREATE VIRTUAL TABLE words USING fts5(x)',
  ])
  t.strictSame(
    steps.map(({ rows, error }) => [rows, error]),
    [0, 1, 0, 0, 2, 0].map(rows => [rows, null]),
  )
})

t.test('what only reads is not recorded, unless it fails', async t => {
  const { steps } = await recordStatements(t, made, ['SELECT * FROM a', 'PRAGMA table_info(a)', 'SELECT * FROM none'])
  t.match(steps, [{ sql: 'SELECT * FROM none', rows: 0, error: /no such table/ }])
  t.equal(steps.length, 1)
})

t.test('a migration that did nothing left the structure as it was', async t => {
  const recording = await recordStatements(t, made, [])
  t.equal(afterOf(recording), recording.before)
})

t.test('a transaction of the migration is recorded as the savepoint that it is', async t => {
  const { steps } = await recordStatements(t, made, ['BEGIN', 'DELETE FROM a', 'ROLLBACK'])
  t.strictSame(
    steps.map(({ sql }) => sql),
    ['SAVEPOINT bridge_0', 'DELETE FROM a', 'ROLLBACK TO bridge_0; RELEASE bridge_0'],
  )
})

t.test('a statement that fails throws, unless it is forgiven; values are in it either way', async t => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec(made)
  const { around, record } = createRecorder(connection, ({ sql }) => sql.startsWith('COMMIT'))
  const bridge = createBridge(connection, around)
  const face = new bridge.Database(':memory:', bridge.OPEN_READWRITE, () => undefined)
  const run = (sql: string, values: readonly unknown[]) => new Promise(resolve => face.run(sql, values, resolve))
  const { steps } = record()
  t.match(await run('INSERT INTO a VALUES (?)', [2]), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  t.equal(await run('COMMIT', []), null)
  t.match(steps, [
    { asked: 'INSERT INTO a VALUES (?)', sql: 'INSERT INTO a VALUES (2.0)', error: /UNIQUE/ },
    { sql: 'COMMIT', error: /no transaction was begun/ },
  ])
  const next = record()
  await run('DELETE FROM a', [])
  t.strictSame([steps.length, next.steps.length], [2, 1])
})

t.test('what failed or was rolled back is undone; savepoints may be in one another', async t => {
  const { steps } = await recordStatements(t, made, [
    'DELETE FROM none',
    'INSERT INTO a VALUES (3)',
    'SAVEPOINT s',
    'INSERT INTO a VALUES (4)',
    'SAVEPOINT s',
    'INSERT INTO a VALUES (5)',
    'rollback to s',
    'ROLLBACK TRANSACTION TO SAVEPOINT none',
    'INSERT INTO a VALUES (6)',
  ])
  t.strictSame(
    withoutUndone(steps).map(({ sql }) => sql),
    ['INSERT INTO a VALUES (3)', 'SAVEPOINT s', 'INSERT INTO a VALUES (4)', 'SAVEPOINT s', 'INSERT INTO a VALUES (6)'],
  )
})

t.test('the statement that made something so is the last that did', async t => {
  const drop = 'DROP TABLE a'
  const { steps } = await recordStatements(t, made, [drop, 'CREATE TABLE a (y)', drop, 'CREATE TABLE b (x)'])
  t.equal(
    stepThat(steps, ({ tables }) => tables.every(({ name }) => name !== 'a')),
    steps[2],
  )
  t.equal(
    stepThat(steps, () => true),
    undefined,
  )
})
