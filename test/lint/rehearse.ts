import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { afterOf } from '../../src/dry-run/record.ts'
import { Failure } from '../../src/failure.ts'
import { rehearse } from '../../src/lint/rehearse.ts'
import type { LoadedMigration, Migration } from '../../src/migrations/load.ts'

const query =
  (...statements: readonly string[]): Migration =>
  async ({ context }) => {
    for (const sql of statements) await context.sequelize.query(sql)
  }
const migration = (name: string, up: Migration, down?: Migration): LoadedMigration => ({
  name,
  file: `/m/${name}.ts`,
  text: '',
  checksum: 'sha256:0',
  up,
  down,
  removesRows: [],
})
const never = new AbortController().signal
const run = (migrations: readonly LoadedMigration[], signal = never, idleLimit = 60) =>
  rehearse(migrations, { version: '1.2.3', signal, idleLimit, onRun: () => undefined })

t.test('each migration runs on what those before it made, and its down leaves nothing for the next', async t => {
  const [first, second] = await run([
    migration('0001-a', query('CREATE TABLE a (x)'), query('DROP TABLE a')),
    migration('0002-b', query('ALTER TABLE a ADD COLUMN y')),
  ])
  t.match(first, {
    name: '0001-a',
    up: { failed: null, recording: { before: { tables: [] }, steps: [{ sql: 'CREATE TABLE a (x)' }] } },
    down: { failed: null, recording: { before: { tables: [{ name: 'a' }] }, steps: [{ sql: 'DROP TABLE a' }] } },
  })
  t.match(second, { name: '0002-b', up: { failed: null }, down: undefined })
  t.strictSame(second && afterOf(second.up.recording).tables[0]?.columns.map(({ name }) => name), ['x', 'y'])
})

t.test('what fails is told with what SQLite said, leaves nothing, and the next one runs all the same', async t => {
  const transaction: Migration = async ({ context }) => {
    await context.sequelize.transaction()
    await query('CREATE TABLE b (x)', 'DROP TABLE none')({ name: '', context })
  }
  const found = await run([
    migration('0001-a', query('CREATE TABLE a (x UNIQUE)'), query('DROP TABLE none')),
    migration('0002-b', transaction, query('DROP TABLE b')),
    migration('0003-c', query('INSERT INTO a VALUES (1)', 'INSERT INTO a VALUES (1)')),
    migration('0004-d', query('CREATE TABLE b (x)', 'INSERT INTO a VALUES (1)')),
    migration('0005-e', async () => Promise.reject('words')),
  ])
  t.match(found, [
    { up: { failed: null }, down: { failed: 'no such table: none' } },
    { up: { failed: 'no such table: none' }, down: undefined },
    { up: { failed: 'UNIQUE constraint failed: a.x' } },
    { up: { failed: null } },
    { up: { failed: 'words' } },
  ])
})

t.test('a statement that the migrator refuses is passed over, with what it would have done', async t => {
  const refused = ['PRAGMA foreign_keys = ON', 'COMMIT', "ATTACH 'other.db' AS other", 'VACUUM']
  const [found] = await run([migration('0001-a', query(...refused, 'CREATE TABLE a (x)'))])
  t.equal(found?.up.failed, null)
  t.match(
    found?.up.recording.steps.map(({ error }) => error),
    [/foreign_keys/, /no transaction/, /ATTACH/, /VACUUM/, null],
  )
})

t.test('foreign keys are off, as they are in up', async t => {
  const sql = [
    'CREATE TABLE p (id INTEGER PRIMARY KEY)',
    'CREATE TABLE c (p REFERENCES p (id))',
    'INSERT INTO c VALUES (7)',
  ]
  t.match(await run([migration('0001-a', query(...sql))]), [{ up: { failed: null } }])
})

t.test('a migration that takes the history away fails', async t => {
  t.match(await run([migration('0001-a', query('DROP TABLE SequelizeMeta'))]), [{ up: { failed: /SequelizeMeta/ } }])
})

t.test('a migration that does not settle fails, and the next one runs', async t => {
  const alive = setTimeout(1000)
  const stuck = migration('0001-a', () => new Promise(() => undefined))
  const found = await run([stuck, migration('0002-b', query('CREATE TABLE a (x)'))], never, 0.05)
  t.match(found, [{ up: { failed: /not settled/ } }, { up: { failed: null } }])
  await alive
})

t.test('a signal ends it with its reason', async t => {
  const controller = new AbortController()
  const reason = new Failure('SIGTERM', 'stopped', 'Nothing was changed.')
  const stop: Migration = async () => controller.abort(reason)
  await t.rejects(run([migration('0001-a', stop)], controller.signal), reason)
})

t.test('what stops the whole program is blamed on the migration, and those after it do not run', async t => {
  const controller = new AbortController()
  const drop: Migration = async params => {
    controller.abort(new Error('a promise was dropped'))
    await query('CREATE TABLE a (x)')(params)
  }
  const found = await run([migration('0001-a', drop), migration('0002-b', query('SELECT 1'))], controller.signal)
  t.match(found, [{ name: '0001-a', up: { failed: 'a promise was dropped' } }])
  t.equal(found.length, 1)
})

t.test('who watches is told which one runs', async t => {
  const names: string[] = []
  const onRun = (name: string) => names.push(name)
  await rehearse([migration('0001-a', query('SELECT 1')), migration('0002-b', query('SELECT 1'))], {
    version: '1.2.3',
    signal: never,
    idleLimit: 60,
    onRun,
  })
  t.strictSame(names, ['0001-a', '0002-b'])
})
