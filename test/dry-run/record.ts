import Database from 'better-sqlite3'
import fc from 'fast-check'
import t from 'tap'
import { afterOf, createRecorder, inlineValues, rowAccess, stepThat, withoutUndone } from '../../src/dry-run/record.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { createBridge } from '../../src/sqlite/bridge/sequelize.ts'
import { recordStatements } from '../help/recorded.ts'

const connection = new Database(':memory:')
t.teardown(() => connection.close())
const inline = (sql: string, bound: readonly unknown[] | Record<string, unknown>) =>
  inlineValues(connection, { sql, bound })

t.test('values stand where their parameters were, by name and by place', async t => {
  t.equal(inline('SELECT $1, $name, $1', { 1: 'it’s', name: null }), "SELECT 'it’s', NULL, 'it’s'")
  t.equal(inline('SELECT ?,? + ?', [1, 2n, "o'clock"]), "SELECT 1.0,2 + 'o''clock'")
})

t.test('what only looks like a parameter stays', async t => {
  const sql = `SELECT '$1', "$1", \`$1\`, [$1], a$1 -- $1 ?\n, /* $1 ? */ json('$.a')`
  t.equal(inline(sql, { 1: 'x' }), sql)
})

t.test('a parameter without a value stays one, as does a value that SQLite cannot have', async t => {
  t.equal(inline('SELECT $1, $2', { 2: 'x' }), "SELECT $1, 'x'")
  t.equal(inline('SELECT $1', { 1: new Date(0) }), 'SELECT $1')
})

t.test('the statement gives what it gave with its values, type and all', async t => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\0', 'a\0b', "'", '$1', '?', '--', '', '\ud800'),
    fc.double({ noNaN: true }),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.uint8Array().map(bytes => Buffer.from(bytes)),
    fc.constant(null),
  )
  const read = (sql: string, bound: Record<string, unknown>) => connection.prepare(sql).safeIntegers().raw().get(bound)
  fc.assert(
    fc.property(value, value, (first, second) => {
      const sql = 'SELECT $first, typeof($first), hex($first), $2, typeof($2), hex($2)'
      t.strictSame(read(inline(sql, { first, 2: second }), {}), read(sql, { first, 2: second }))
    }),
    { numRuns: 500 },
  )
})

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
  const bridge = createBridge(() => createHandle(connection).open(around), String)
  const face = new bridge.Database(':memory:', bridge.OPEN_READWRITE, () => undefined)
  const run = (sql: string, values: readonly unknown[]) => new Promise(resolve => face.run(sql, values, resolve))
  const { steps } = record()
  t.match(await run('INSERT INTO a VALUES (?)', [2]), { code: 'SQLITE_CONSTRAINT' })
  t.equal(await run('COMMIT', []), null)
  t.match(steps, [
    { asked: 'INSERT INTO a VALUES (?)', sql: 'INSERT INTO a VALUES (2)', error: /UNIQUE/ },
    { sql: 'COMMIT', error: /no transaction or savepoint here/ },
  ])
  const next = record()
  await run('DELETE FROM a', [])
  t.strictSame([steps.length, next.steps.length], [2, 1])
})

t.test(
  'the names of savepoints are alike as in SQLite: in any quotes, and in the case of ASCII letters alone',
  async t => {
    const { steps } = await recordStatements(t, made, [
      'SAVEPOINT "My Save"',
      'INSERT INTO a VALUES (3)',
      'SAVEPOINT Ä',
      'SAVEPOINT ä',
      'INSERT INTO a VALUES (4)',
      'ROLLBACK TO "Ä"',
      'INSERT INTO a VALUES (5)',
      'ROLLBACK TO [my save]',
      'INSERT INTO a VALUES (6)',
    ])
    t.strictSame(
      steps.flatMap(({ error }) => error ?? []),
      [],
    )
    t.strictSame(
      withoutUndone(steps).map(({ sql }) => sql),
      ['SAVEPOINT "My Save"', 'INSERT INTO a VALUES (6)'],
    )
    t.strictSame(
      withoutUndone(steps.slice(0, -2)).map(({ sql }) => sql),
      ['SAVEPOINT "My Save"', 'INSERT INTO a VALUES (3)', 'SAVEPOINT Ä', 'INSERT INTO a VALUES (5)'],
    )
  },
)

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

t.teardown(() => connection.close())
connection.exec(
  'CREATE TABLE a (x, y); CREATE INDEX ax ON a (x); CREATE TABLE b (x, y); CREATE TEMP TABLE c (x); CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT)',
)

for (const [sql, reads, writes] of [
  ['INSERT INTO b SELECT * FROM a', ['a'], ['b']],
  ['INSERT INTO b SELECT x, (SELECT count(*) FROM b) FROM a WHERE x > 1', ['a', 'b'], ['b']],
  ['WITH n AS (SELECT x FROM a) INSERT INTO b (x) SELECT x FROM n', ['a'], ['b']],
  ['REPLACE INTO a SELECT * FROM b', ['b'], ['a']],
  ['UPDATE a SET y = 1 WHERE x = 2', [], ['a']],
  ['UPDATE a SET y = (SELECT max(y) FROM b)', ['b'], ['a']],
  ['CREATE TABLE d AS SELECT * FROM a', ['a'], []],
  ['INSERT INTO c SELECT x FROM a', ['a'], ['temp.c']],
  ['INSERT INTO a (x) SELECT x FROM c', ['temp.c'], ['a']],
  ['INSERT INTO auto SELECT x FROM a', ['a'], ['auto']],
  ['DELETE FROM a', [], []],
  ['ALTER TABLE a ADD COLUMN z', [], []],
  ['INSERT INTO none VALUES (1)', [], []],
] as const) {
  t.test(`"${sql}" reads ${reads.join() || 'nothing'} and writes ${writes.join() || 'nothing'}`, async t => {
    t.strictSame(rowAccess(connection, sql), { reads, writes })
  })
}

t.test('nothing of it is run', async t => {
  t.equal(connection.prepare('SELECT count(*) FROM a').pluck().get(), 0)
})
