/** What `import { up } from 'homelab-migrator'` does in a process that goes on. test/package.ts runs it as npm packs it. */
import { mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { attempt } from '../../src/failure.ts'
import { down, type LogEvent, plan, status, up, verify } from '../../src/library/library.ts'
import { dump, spawnProgram } from '../help/program.ts'

const createHosts = "export const up = ({ context }) => context.createTable('hosts', { name: 'TEXT' })\n"
const withDown = `${createHosts}export const down = ({ context }) => context.dropTable('hosts')\n`

/** A database to be, and migrations, each by its name and text. */
const place = (
  t: Pick<Test, 'testdir'>,
  files: Readonly<Record<string, string>> = { '0001-create-hosts.js': withDown },
) => {
  const folder = t.testdir({ data: {}, migrations: files })
  const file = join(folder, 'data/hub.db')
  const options = { databaseUrl: `sqlite:${file}`, migrations: join(folder, 'migrations') }
  const write = (name: string, text: string) => writeFileSync(join(folder, 'migrations', name), text)
  return { folder, file, options, write }
}

for (const [title, code, options] of [
  ['no URL', 'CONFIG_INVALID', { databaseUrl: '' }],
  ['a database in memory', 'CONFIG_INVALID', { databaseUrl: 'sqlite::memory:' }],
  ['a URL of another kind', 'CONFIG_INVALID', { databaseUrl: 'mysql://hub@db/homelab' }],
  ['a folder that is not there', 'VOLUME_MISSING', { databaseUrl: 'sqlite:/nowhere/hub.db' }],
  ['no folder of migrations', 'CONFIG_INVALID', { migrations: '/nowhere/migrations' }],
  ['a setting out of its range', 'CONFIG_INVALID', { settings: { MIGRATOR_LOCK_TIMEOUT: -1 } }],
  ['a setting that is none', 'CONFIG_INVALID', { settings: Object({ MIGRATOR_LOKC_TIMEOUT: 1 }) }],
  ['a setting of a word that is none', 'CONFIG_INVALID', { settings: Object({ MIGRATOR_BACKUP: 'perhaps' }) }],
  ['a migration to go to that is none', 'CONFIG_INVALID', { to: '0009' }],
] as const)
  t.test(`with ${title} a Failure ${code} is thrown, and nothing is made`, async t => {
    const { folder, options: given } = place(t)
    await t.rejects(up({ ...given, ...options }), { name: 'Failure', code, hint: /\w/ })
    t.strictSame(readdirSync(join(folder, 'data')), [])
  })

for (const [title, message, text] of [
  ['throws', /no such table: missing/, "export const up = ({ context }) => context.runSql('DELETE FROM missing')"],
  ['deletes rows', /lost data/, "export const up = ({ context }) => context.runSql('DELETE FROM hosts')"],
  [
    'leaves a process running',
    /a child process running/,
    "import { spawn } from 'node:child_process'\nexport const up = async () => void spawn('sleep', ['9'])",
  ],
] as const)
  t.test(`a migration that ${title} fails with MIGRATION_FAILED, and the database is as it was`, async t => {
    const { file, options, write } = place(t)
    await up(options)
    const connection = new Database(file)
    connection.exec("INSERT INTO hosts VALUES ('omv')")
    connection.close()
    const before = dump(file)
    write('0002-fail.js', text)
    await t.rejects(up(options), { code: 'MIGRATION_FAILED', message })
    t.equal(dump(file), before)
    await t.rejects(plan(options), {
      code: 'MIGRATION_FAILED',
      report: { pending: ['0002-fail'], failure: { message } },
    })
  })

t.test('what "verify" finds is with its Failure, and "status" tells it without one', async t => {
  const { file, options } = place(t)
  await t.rejects(verify(options), { code: 'NOT_READY', report: { schema: null } })
  t.match(await status(options), { ready: false, pending: 1 })
  await up(options)
  t.match(await verify(options), { code: null })
  const connection = new Database(file)
  connection.exec('ALTER TABLE hosts ADD COLUMN more')
  connection.close()
  await t.rejects(verify(options), { code: 'SCHEMA_DRIFT', report: { findings: [{ object: /more/ }] } })
})

t.test('down undoes down to a migration, or says that there is nothing', async t => {
  const { options, write } = place(t)
  write('0002-b.js', 'export const up = async () => {}\nexport const down = async () => {}\n')
  await up({ ...options, settings: { MIGRATOR_BACKUP: undefined } })
  t.strictSame(await down({ ...options, to: '0001-create-hosts' }), { undone: ['0002-b'], schema: '0001-create-hosts' })
  t.strictSame(await down(options), { undone: ['0001-create-hosts'], schema: '' })
  t.strictSame(await down(options), { undone: [], schema: '' })
})

t.test('what fails before it has a report is thrown without one', async t => {
  const { options } = place(t)
  const failure = await verify({ ...options, databaseUrl: 'sqlite::memory:' }).catch((error: unknown) => error)
  t.match(failure, { code: 'CONFIG_INVALID' })
  t.notOk('report' in Object(failure))
})

t.test('a run says what it did, and its listener gets every event', async t => {
  const { options, write } = place(t)
  write('0002-create-rooms.js', withDown.replaceAll('hosts', 'rooms'))
  const events: LogEvent[] = []
  const onEvent = (event: LogEvent): void => void events.push(event)
  t.match(await plan({ ...options, onEvent }), { pending: ['0001-create-hosts', '0002-create-rooms'], failure: null })
  t.match(await up({ ...options, to: '1', onEvent }), {
    applied: [{ name: '0001-create-hosts' }],
    schema: '0001-create-hosts',
  })
  t.match(await up({ ...options, onEvent }), { applied: [{ name: '0002-create-rooms' }], schema: '0002-create-rooms' })
  t.strictSame(await up({ ...options, onEvent }), { applied: [], schema: '0002-create-rooms' })
  t.strictSame(await down({ ...options, onEvent }), { undone: ['0002-create-rooms'], schema: '0001-create-hosts' })
  const told = new Set(events.map(({ event }) => event))
  for (const event of [
    'migration.statement',
    'migration.applied',
    'up.done',
    'up.nothing',
    'backup.made',
    'down.done',
  ] as const)
    t.ok(told.has(event), event)
  for (const steps of [0, -1, 1.5, Number.NaN]) await t.rejects(down({ ...options, steps }), { code: 'CONFIG_INVALID' })
  await t.rejects(down({ ...options, steps: 1, to: '1' }), { code: 'CONFIG_INVALID' })
})

t.test('a migration that changed after a failed run is read anew, with what it imports', async t => {
  const { file, options, write } = place(t, {
    '0001-create-hosts.js':
      "import { name } from './_name.js'\nexport const up = ({ context }) => context.createTable(name, {})\n",
    '_name.js': "export const name = 'hosts'\n",
    '0002-fail.cjs': "module.exports = { up: async () => { throw new Error('first') } }\n",
  })
  await t.rejects(up(options), { code: 'MIGRATION_FAILED' })
  write('0001-create-hosts.js', createHosts)
  write('0002-fail.cjs', "module.exports = { up: async () => { throw new Error('second') } }\n")
  await t.rejects(up(options), { code: 'MIGRATION_FAILED', message: /second/ })
  write('0002-fail.cjs', 'module.exports = { up: async () => undefined }\n')
  t.match(await up(options), { schema: '0002-fail' })
  t.match(dump(file), /CREATE TABLE.*hosts/)
})

const slow =
  "import { setTimeout } from 'node:timers/promises'\nexport const up = async ({ context }) => {\n  await context.createTable('hosts', { name: 'TEXT' })\n  await setTimeout(300)\n}\n"

t.test('of two runs on one file the second one waits, however it is named, and runs on others do not', async t => {
  const { folder, options } = place(t, { '0001-create-hosts.js': slow })
  symlinkSync('data', join(folder, 'link'))
  mkdirSync(join(folder, 'other'))
  const ended: string[] = []
  const start = async (name: string, database: string, to?: string) => {
    const { applied } = await up({ ...options, databaseUrl: `sqlite:${join(folder, database)}`, to })
    ended.push(name)
    return applied.length
  }
  const both = [start('first', 'data/hub.db'), start('second', 'link/hub.db'), start('other', 'other/hub.db')]
  const events: LogEvent[] = []
  t.match(
    await status({ ...options, onEvent: event => void events.push(event) }),
    { ready: false },
    'readers do not wait',
  )
  t.strictSame(await Promise.all(both), [1, 0, 1])
  t.ok(ended.indexOf('first') < ended.indexOf('second'))
  t.notOk(events.some(({ event }) => event === 'lock.waiting'))
})

t.test('a migration that calls a run on its own file fails at once, and may call one on another', async t => {
  const { folder, options, write } = place(t, { '0001-create-hosts.js': createHosts })
  const library = join(import.meta.dirname, '../../src/library/library.ts')
  const nested = (databaseUrl: string) => {
    const given = JSON.stringify({ databaseUrl, migrations: join(folder, 'inner') })
    return `import { up as run } from '${library}'\nexport const up = () => run(${given})\n`
  }
  mkdirSync(join(folder, 'inner'))
  writeFileSync(join(folder, 'inner/0001-create-hosts.js'), createHosts)
  symlinkSync('data', join(folder, 'link'))
  write('0002-nest.js', nested(`sqlite:${join(folder, 'link/hub.db')}`))
  await t.rejects(up(options), { code: 'MIGRATION_FAILED', message: /it is being run there itself/ })
  write('0002-nest.js', nested(`sqlite:${join(folder, 'other.db')}`))
  t.match(await up(options), { applied: [{ name: '0001-create-hosts' }, { name: '0002-nest' }] })
})

t.test('a listener may start the next run on the same file', async t => {
  const { options } = place(t)
  const next: Promise<unknown>[] = []
  const onEvent = ({ event }: LogEvent): void => {
    if (event === 'migration.statement' && next.length === 0) next.push(up(options))
  }
  await up({ ...options, onEvent })
  t.match(await Promise.all(next), [{ applied: [] }])
})

t.test('a run that failed is waited for, too, and the next one goes on', async t => {
  const { options, write } = place(t, { '0001-fail.js': slow.replace('TEXT', 'TEXT, (') })
  const first = up(options)
  const second = up(options)
  await t.rejects(first, { code: 'MIGRATION_FAILED' })
  await t.rejects(second, { code: 'MIGRATION_FAILED' })
  write('0001-fail.js', createHosts)
  t.match(await up(options), { schema: '0001-fail' })
})

t.test('one that another process holds is refused after its timeout', async t => {
  const { file, options, write } = place(t)
  await up(options)
  write('0002-create-rooms.js', withDown.replaceAll('hosts', 'rooms'))
  const other = new Database(file)
  other.exec('BEGIN IMMEDIATE')
  await t.rejects(up({ ...options, settings: { MIGRATOR_LOCK_TIMEOUT: 0 } }), { code: 'DATABASE_BUSY' })
  other.close()
})

t.test('a signal ends a run, or its wait for another one, with its own reason, and nothing is changed', async t => {
  const { folder, file, options } = place(t, { '0001-create-hosts.js': slow.replace('300', '60_000') })
  const [first, second] = [new AbortController(), new AbortController()]
  const reason = new Error('enough')
  const runs = [up({ ...options, signal: first.signal }), up({ ...options, signal: second.signal })] as const
  for (const run of runs) run.catch(() => undefined)
  await setTimeout(50)
  second.abort()
  await t.rejects(runs[1], { name: 'AbortError' })
  first.abort(reason)
  t.equal(await runs[0].catch(error => error), reason)
  t.equal(await up({ ...options, signal: first.signal }).catch(error => error), reason)
  t.strictSame(readdirSync(join(folder, 'data')), [], file)
})

t.test('an error of the listener is uncaught, and the run is what it is', async t => {
  const { options } = place(t)
  const caught: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', error => caught.push(error))
  const onEvent = ({ event }: LogEvent): void => {
    if (event === 'up.done') throw new Error('of the listener')
  }
  t.match(await up({ ...options, onEvent }), { schema: '0001-create-hosts' })
  await setTimeout(1)
  process.removeAllListeners('uncaughtException')
  for (const listener of listeners) process.on('uncaughtException', listener)
  t.match(caught, [{ message: 'of the listener' }])
})

/** The files below a folder that this process has open. */
const openBelow = (folder: string): readonly string[] =>
  readdirSync('/proc/self/fd').flatMap(descriptor => {
    const link = attempt(() => readlinkSync(join('/proc/self/fd', descriptor)))
    return 'value' in link && link.value.startsWith(folder) ? [link.value] : []
  })

for (const mode of ['wal', 'delete'])
  t.test(
    `a transaction of the hub keeps its lock (${mode}) while the same process looks, and nothing stays open`,
    async t => {
      const { folder, file, options } = place(t)
      await up(options)
      const hub = new Database(file)
      hub.pragma(`journal_mode = ${mode}`)
      hub.exec("BEGIN IMMEDIATE; INSERT INTO hosts VALUES ('omv')")
      t.match(await status(options), { applied: 1 })
      t.match(await plan(options), { pending: [] })
      await verify(options).catch(() => undefined)
      const settings = {
        MIGRATOR_LOCK_TIMEOUT: '0',
        DATABASE_URL: options.databaseUrl,
        MIGRATOR_MIGRATIONS: options.migrations,
      }
      writeFileSync(join(options.migrations, '0002-create-rooms.js'), createHosts.replace('hosts', 'rooms'))
      t.match(await spawnProgram([], settings), { exitCode: 20 }, 'another process cannot write meanwhile')
      hub.exec('COMMIT')
      hub.close()
      t.match(await up(options), { schema: '0002-create-rooms' })
      await status(options)
      t.strictSame(openBelow(folder), [])
    },
  )
