import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { pendingOf, tryOut } from '../../src/commands/try-out.ts'
import { prepareHistory } from '../../src/migrations/history.ts'
import { readMigrations } from '../../src/migrations/known.ts'
import { makeContext } from '../help/context.ts'
import { root } from '../help/program.ts'

/** A copy in a folder of its own, and a context whose database is elsewhere. */
const prepare = async (
  t: Pick<Test, 'testdir'>,
  files: Readonly<Record<string, string>>,
  signal = new AbortController().signal,
) => {
  const folder = t.testdir({ migrations: files })
  const environment = { DATABASE_URL: 'sqlite:/v/homelab.db', MIGRATOR_MIGRATIONS: join(folder, 'migrations') }
  const context = { ...(await makeContext(folder, environment, signal)), version: '1.2.3' }
  const names: string[] = []
  const copy = join(folder, 'copy.db')
  const run = () => tryOut(context, readMigrations(context.config.migrations), copy, name => names.push(name))
  return { copy, names, run }
}
const migration = (...statements: readonly string[]) =>
  `export const up = async ({ context }) => { for (const sql of ${JSON.stringify(statements)}) await context.sequelize.query(sql) }`

t.test('the copy is what up makes of it, and all that it took is measured', async t => {
  const grow = migration('CREATE TABLE a (x)', 'INSERT INTO a VALUES (randomblob(100000))')
  const { copy, names, run } = await prepare(t, {
    '0001-a.js': grow,
    '0002-b.js': migration('UPDATE a SET x = randomblob(100000)'),
  })
  const tried = await run()
  t.match(tried, {
    error: undefined,
    sqlite: /^3\.\d+\.\d+$/,
    history: [/^CREATE TABLE SequelizeMeta/],
    trials: [{}, {}],
  })
  t.strictSame(names, ['0001-a', '0002-b'])
  t.ok(tried.growth > 100_000 && tried.growth < 200_000)
  const connection = new Database(copy, { readonly: true })
  t.match(connection.prepare('SELECT name, migrator FROM SequelizeMeta').all(), [
    { name: '0001-a', migrator: '1.2.3' },
    { name: '0002-b' },
  ])
  connection.close()
})

for (const mode of ['delete', 'wal']) {
  t.test(`the journal is measured when it is largest, in journal mode ${mode}`, async t => {
    const { copy, run } = await prepare(t, {
      '0001-a.js': migration('CREATE TABLE a (x)'),
      '0002-b.js': migration('UPDATE b SET x = zeroblob(300000)'),
    })
    const connection = new Database(copy)
    prepareHistory(connection, [])
    connection.exec('CREATE TABLE b (x); INSERT INTO b VALUES (randomblob(300000))')
    connection.pragma(`journal_mode = ${mode}`)
    connection.close()
    const { journal, error } = await run()
    t.equal(error, undefined)
    t.ok(journal > 300_000 && journal < 500_000, String(journal))
  })
}

t.test('what fails is given back with what was done until then; what is wrong before is thrown', async t => {
  const { run } = await prepare(t, {
    '0001-a.js': migration('CREATE TABLE a (x)'),
    '0002-b.js': migration('DROP TABLE none'),
  })
  t.match(await run(), {
    trials: [{ end: { returned: true } }, { end: { returned: false } }],
    error: { code: 'MIGRATION_FAILED' },
    growth: 0,
  })
  const bad = await prepare(t, { '0001-bad.js': 'export const up =' })
  await t.rejects(bad.run(), { code: 'CONFIG_INVALID' })
  t.strictSame(bad.names, [])
})

t.test('a signal is thrown on, also between two statements', async t => {
  const controller = new AbortController()
  const { run } = await prepare(t, { '0001-a.js': migration('CREATE TABLE a (x)') }, controller.signal)
  controller.abort(new Error('stopped'))
  await t.rejects(run(), { message: 'stopped' })
})

t.test('a database of another program is refused under the name that is given', async t => {
  const connection = new Database(':memory:')
  t.teardown(() => connection.close())
  connection.exec('CREATE TABLE a (x)')
  const known = readMigrations(join(root, 'migrations'))
  t.throws(() => pendingOf(connection, known, '/v/x.db'), { code: 'HISTORY_CONFLICT', message: /\/v\/x\.db/ })
  prepareHistory(connection, [])
  t.match(pendingOf(connection, known, '/v/x.db'), known)
})
