import { spawnSync } from 'node:child_process'
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { firstThree } from '../help/first-three.ts'
import { dump, readJson, root, runProgram, settingsFor, spawnProgram, startProgram } from '../help/program.ts'

const head = '0003-add-os-info'
const up = (folder: string, more: Readonly<Record<string, string>> = {}) => runProgram([], settingsFor(folder, more))
/** A folder with the image's migrations and more. */
const migrationsWith = (t: Pick<Test, 'testdir'>, files: Readonly<Record<string, string>>): string => {
  const folder = t.testdir({ data: {}, migrations: files })
  cpSync(firstThree, join(folder, 'migrations'), { recursive: true })
  return folder
}
const withMigrations = (folder: string) =>
  [join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') }] as const
const query = (sql: string): string =>
  `export const up = ({ context }) => context.sequelize.query(${JSON.stringify(sql)})\n`

t.test('an empty volume gets a database, in WAL mode, and a true marker; a second run has nothing to do', async t => {
  const folder = t.testdir()
  const first = await up(folder)
  t.match(first, { exitCode: 0, signal: null, stdout: '', failure: undefined })
  t.match(first.events.at(-1), { event: 'up.done', applied: 3, schema: head })
  t.strictSame(readdirSync(folder).toSorted(), ['.ready', 'homelab.db'])
  t.match(readJson(join(folder, '.ready')), { schema: head, migrations: 3, database: 'homelab.db', version: '1.0.0' })
  const connection = new Database(join(folder, 'homelab.db'))
  t.equal(connection.pragma('journal_mode', { simple: true }), 'wal')
  connection.close()

  const before = [dump(join(folder, 'homelab.db')), readFileSync(join(folder, '.ready'), 'utf8')]
  const second = await up(folder)
  t.match(second, { exitCode: 0, failure: undefined })
  t.match(second.events, [{ event: 'up.nothing', schema: head }])
  t.strictSame([dump(join(folder, 'homelab.db')), readFileSync(join(folder, '.ready'), 'utf8')], before)
})

t.test('on a terminal people read sentences', async t => {
  const folder = t.testdir()
  const { stderr } = await up(folder, { MIGRATOR_LOG_FORMAT: 'text' })
  t.match(
    stderr,
    /^applied 0001-create-servers in \d+ ms\n(?:.*\n){2}3 applied in \d+ ms: .* is at 0003-add-os-info\n$/,
  )
})

t.test('a newer image brings data along, after a backup', async t => {
  const folder = migrationsWith(t, { '0004-create-alerts.js': query('CREATE TABLE alerts (id INTEGER PRIMARY KEY)') })
  const data = join(folder, 'data')
  await up(data)
  const connection = new Database(join(data, 'homelab.db'))
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')")
  connection.close()
  const before = dump(join(data, 'homelab.db'))
  const outcome = await up(...withMigrations(folder))
  t.match(outcome, { exitCode: 0 })
  t.match(
    outcome.events.map(({ event }) => event),
    ['backup.made', 'migration.applied', 'up.done'],
  )
  const [backup = ''] = readdirSync(join(data, 'backups'))
  t.match(backup, /^homelab--0003-add-os-info-\d{8}T\d{6}Z\.db$/)
  t.equal(dump(join(data, 'backups', backup)), before)
  t.match(readJson(join(data, '.ready')), { schema: '0004-create-alerts', migrations: 4 })
  const after = new Database(join(data, 'homelab.db'))
  t.equal(after.prepare('SELECT hostname FROM servers').pluck().get(), 'omv.lan')
  after.close()
})

t.test('one pending migration: history and schema are read three times each, but for the guard', async t => {
  const folder = migrationsWith(t, { '0004-x.js': query('CREATE TABLE x (y)') })
  await up(join(folder, 'data'))
  const asked: string[] = []
  const { prepare } = Database.prototype
  t.teardown(() => Object.assign(Database.prototype, { prepare }))
  Object.assign(Database.prototype, {
    prepare(this: Database.Database, sql: string) {
      const from = new Error().stack ?? ''
      if (!from.includes('readRows')) asked.push(sql)
      return prepare.call(this, sql)
    },
  })
  t.match(await up(...withMigrations(folder)), { exitCode: 0 })
  const times = (pattern: RegExp) => asked.filter(sql => pattern.test(sql)).length
  t.equal(times(/^SELECT \* FROM main\.SequelizeMeta/), 3)
  t.equal(times(/FROM sqlite_schema\s+WHERE sql IS NOT NULL/), 3)
})

const tellingReads = `const fs = require('fs')
const { readFileSync } = fs
fs.readFileSync = (...words) => {
  if (words[0] === '/proc/self/mountinfo') fs.writeSync(1, 'mounts;')
  return readFileSync(...words)
}`

t.test('one pending migration: the mount table is read once', async t => {
  const folder = migrationsWith(t, { '0004-x.js': query('CREATE TABLE x (y)') })
  await up(join(folder, 'data'))
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, tellingReads)
  const [data, settings] = withMigrations(folder)
  t.match(await up(data, { ...settings, NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${preload}` }), {
    exitCode: 0,
    stdout: /^mounts;$/,
  })
})

t.test('MIGRATOR_BACKUP=never makes none', async t => {
  const folder = migrationsWith(t, { '0004-x.js': query('CREATE TABLE x (y)') })
  await up(join(folder, 'data'))
  const [data, settings] = withMigrations(folder)
  await up(data, { ...settings, MIGRATOR_BACKUP: 'never' })
  t.equal(existsSync(join(data, 'backups')), false)
})

t.test('a migration that throws leaves an empty volume empty', async t => {
  const folder = migrationsWith(t, { '0004-bad.js': query('NONSENSE') })
  const outcome = await up(...withMigrations(folder))
  t.match(outcome, { exitCode: 40, failure: 'MIGRATION_FAILED', stderr: /0004-bad/ })
  t.notMatch(outcome.stderr, / at .*\.ts:/)
  t.strictSame(readdirSync(join(folder, 'data')), [])
})

for (const [title, text, said] of [
  ['that never settles', 'export const up = () => new Promise(() => {})', /0004-bad.*never settles/],
  [
    'that drops a promise which is rejected',
    `export const up = async () => { Promise.reject(new Error('dropped')); await new Promise(r => setTimeout(r, 50)) }`,
    /0004-bad.*dropped/,
  ],
  [
    'that does not wait for its statement',
    `export const up = async ({ context }) => { context.sequelize.query('CREATE TABLE late (x)') }`,
    /0004-bad.*CREATE TABLE late/,
  ],
  ['that commits by itself', query('COMMIT'), /0004-bad/],
] as const) {
  t.test(`a migration ${title} fails with 40, by name, and leaves nothing`, async t => {
    const folder = migrationsWith(t, { '0004-bad.js': text })
    const [data, settings] = withMigrations(folder)
    const outcome = await spawnProgram([], settingsFor(data, settings))
    t.match(outcome, { exitCode: 40, failure: 'MIGRATION_FAILED', stderr: said })
    t.strictSame(readdirSync(join(folder, 'data')), [])
  })
}

t.test('SIGTERM ends a migration that waits, with 143, and leaves nothing', async t => {
  const folder = migrationsWith(t, {
    '0004-slow.js': `export const up = () => { console.log('waiting'); return new Promise(r => setTimeout(r, 60000)) }`,
  })
  const [data, settings] = withMigrations(folder)
  const { child, outcome } = startProgram([], settingsFor(data, settings))
  let stopped = 0
  child.stderr.on('data', said => {
    if (!String(said).includes('waiting')) return
    stopped = performance.now()
    child.kill('SIGTERM')
  })
  t.match(await outcome, { exitCode: 143, failure: 'SIGTERM' })
  t.ok(performance.now() - stopped < 20_000, 'what it waits for is not waited for')
  t.strictSame(readdirSync(data), [])
})

t.test('a migration that throws leaves a database and its true marker as they were', async t => {
  const folder = migrationsWith(t, { '0004-bad.js': query('NONSENSE') })
  const data = join(folder, 'data')
  await up(data)
  const before = [dump(join(data, 'homelab.db')), readFileSync(join(data, '.ready'), 'utf8')]
  t.match(await up(...withMigrations(folder)), { exitCode: 40, events: [{ event: 'backup.made' }] })
  t.equal(existsSync(join(data, 'backups')), false, 'its backup went with it')
  t.strictSame([dump(join(data, 'homelab.db')), readFileSync(join(data, '.ready'), 'utf8')], before)
  t.match(await up(data), { exitCode: 0 })
})

t.test('a marker that cannot be written once all is committed is told as that, and the next run writes it', async t => {
  const folder = migrationsWith(t, { '0004-x.js': query('CREATE TABLE x (y)') })
  const [data, settings] = withMigrations(folder)
  await up(data)
  mkdirSync(join(data, '.ready.migrator-tmp'))
  t.match(await up(data, settings), {
    exitCode: 2,
    failure: 'CONFIG_INVALID',
    stderr: /homelab\.db is changed, but its ready marker is not written: .*EISDIR.*run `migrator up`, which writes/,
  })
  t.equal(existsSync(join(data, '.ready')), false)
  rmdirSync(join(data, '.ready.migrator-tmp'))
  t.match(await up(data, settings), { exitCode: 0, events: [{ event: 'up.done', applied: 0, schema: '0004-x' }] })
})

t.test('where a reader holds up the commit until the timeout all is as before, marker and backups too', async t => {
  const folder = migrationsWith(t, { '0004-x.js': query('CREATE TABLE x (y)') })
  const [data, settings] = withMigrations(folder)
  await up(data)
  const hub = new Database(join(data, 'homelab.db'))
  hub.pragma('journal_mode = DELETE')
  const before = [dump(join(data, 'homelab.db')), readFileSync(join(data, '.ready'), 'utf8')]
  hub.exec('BEGIN')
  hub.prepare('SELECT * FROM servers').all()
  t.match(await up(data, { ...settings, MIGRATOR_LOCK_TIMEOUT: '1' }), {
    exitCode: 20,
    events: [{ event: 'backup.made' }, { event: 'lock.waiting' }, { event: 'backup.dropped' }, { event: 'failed' }],
  })
  hub.close()
  t.strictSame([dump(join(data, 'homelab.db')), readFileSync(join(data, '.ready'), 'utf8')], before)
  t.strictSame(readdirSync(data).toSorted(), ['.ready', 'homelab.db'])
})

t.test('an applied migration that changed is refused with 50', async t => {
  const folder = migrationsWith(t, {})
  const [data, settings] = withMigrations(folder)
  await up(data, settings)
  writeFileSync(join(folder, 'migrations/0001-create-servers.ts'), query('SELECT 1'))
  const before = dump(join(data, 'homelab.db'))
  t.match(await up(data, settings), { exitCode: 50, failure: 'HISTORY_CONFLICT', stderr: /0001-create-servers/ })
  t.equal(dump(join(data, 'homelab.db')), before)
})

t.test('a database that another program made is refused with 50', async t => {
  const folder = t.testdir()
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec('CREATE TABLE theirs (x)')
  connection.close()
  const before = dump(join(folder, 'homelab.db'))
  t.match(await up(folder), { exitCode: 50, failure: 'HISTORY_CONFLICT', stderr: /theirs/ })
  t.equal(dump(join(folder, 'homelab.db')), before)
  t.strictSame(readdirSync(folder), ['homelab.db'])
})

t.test('an older image is refused with 51, and the marker of the newer one stays', async t => {
  const folder = migrationsWith(t, { '0004-x.js': query('CREATE TABLE x (y)') })
  const [data, settings] = withMigrations(folder)
  await up(data, settings)
  t.match(await up(data), { exitCode: 51, failure: 'DATABASE_AHEAD', stderr: /0004-x/ })
  t.match(readJson(join(data, '.ready')), { schema: '0004-x' })
})

t.test('a pending migration before an applied one is refused with 52', async t => {
  const folder = t.testdir({
    data: {},
    migrations: { '0001-a.js': query('CREATE TABLE a (x)'), '0002-b.js': query('SELECT 1') },
  })
  const [data, settings] = withMigrations(folder)
  await up(data, settings)
  const connection = new Database(join(data, 'homelab.db'))
  connection.exec("DELETE FROM SequelizeMeta WHERE name = '0001-a'")
  connection.close()
  t.match(await up(data, settings), { exitCode: 52, failure: 'OUT_OF_ORDER' })
  t.equal(existsSync(join(data, '.ready')), false, 'the marker told of two applied migrations')
})

t.test('a file that is no database is refused with 30 and not touched, and its marker is withdrawn', async t => {
  const folder = t.testdir({
    'homelab.db': 'this is no database, and long enough to be looked at'.repeat(100),
    '.ready': '',
  })
  const before = readFileSync(join(folder, 'homelab.db'))
  t.match(await up(folder), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  t.strictSame(readFileSync(join(folder, 'homelab.db')), before)
  t.equal(existsSync(join(folder, '.ready')), false)
})

t.test('an emptied database is refused with 30 again and again, not made anew', async t => {
  const folder = t.testdir()
  await up(folder)
  writeFileSync(join(folder, 'homelab.db'), '')
  for (const attempt of ['first', 'second']) t.match(await up(folder), { exitCode: 30 }, attempt)
  rmSync(join(folder, 'homelab.db'))
  t.match(await up(folder), { exitCode: 30 })
  t.equal(existsSync(join(folder, 'homelab.db')), false)
})

t.test('a database that another writer holds past the timeout is refused with 20', async t => {
  const folder = t.testdir()
  const writer = new Database(join(folder, 'homelab.db'))
  writer.exec('BEGIN EXCLUSIVE')
  const outcome = await up(folder, { MIGRATOR_LOCK_TIMEOUT: '0' })
  writer.close()
  t.match(outcome, { exitCode: 20, failure: 'DATABASE_BUSY' })
  t.equal(
    outcome.events.some(({ event }) => event === 'lock.waiting'),
    false,
  )
})

t.test('it waits for the other writer, says so, and then goes on', async t => {
  const folder = t.testdir()
  const writer = new Database(join(folder, 'homelab.db'))
  writer.exec('BEGIN EXCLUSIVE')
  const { child, outcome } = startProgram(['up'], settingsFor(folder))
  child.stderr.once('data', () => {
    writer.exec('ROLLBACK')
    writer.close()
  })
  t.match(await outcome, { exitCode: 0, events: [{ event: 'lock.waiting' }] })
})

for (const [signal, exitCode] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  t.test(`${signal} ends the wait with ${exitCode}`, async t => {
    const folder = t.testdir()
    const writer = new Database(join(folder, 'homelab.db'))
    writer.exec('BEGIN EXCLUSIVE')
    const { child, outcome } = startProgram([], settingsFor(folder))
    child.stderr.once('data', () => child.kill(signal))
    t.match(await outcome, { exitCode, failure: signal })
    writer.close()
  })
}

t.test('a marker that is missing or false is put right, and a damage check is made', async t => {
  const folder = t.testdir()
  await up(folder)
  const marker = readJson(join(folder, '.ready'))
  for (const content of [
    undefined,
    '',
    '{"schema":"0003',
    JSON.stringify({ ...marker, schema: '0002-create-metrics' }),
  ]) {
    rmSync(join(folder, '.ready'))
    if (content !== undefined) writeFileSync(join(folder, '.ready'), content)
    t.match(await up(folder), { exitCode: 0 })
    t.match(readJson(join(folder, '.ready')), { schema: head, fingerprint: marker.fingerprint })
  }
})

t.test('a file that is no marker is not replaced by one', async t => {
  const folder = t.testdir({ '.ready': 'notes of somebody' })
  t.match(await up(folder), { exitCode: 2, failure: 'CONFIG_INVALID', stderr: /MIGRATOR_READY_FILE=/ })
  t.strictSame(readdirSync(folder), ['.ready'])
  t.equal(readFileSync(join(folder, '.ready'), 'utf8'), 'notes of somebody')
})

t.test('a check that is over 7 days old is made again, unless it is switched off', async t => {
  const folder = t.testdir()
  await up(folder)
  const marker = { ...readJson(join(folder, '.ready')), checkedAt: '2020-01-01T00:00:00.000Z' }
  writeFileSync(join(folder, '.ready'), JSON.stringify(marker))
  await up(folder, { MIGRATOR_CHECK: 'never' })
  t.match(readJson(join(folder, '.ready')), { checkedAt: marker.checkedAt })
  writeFileSync(join(folder, '.ready'), JSON.stringify({ ...marker, version: '0.9.0' }))
  await up(folder, { MIGRATOR_CHECK: 'never' })
  t.match(readJson(join(folder, '.ready')), { checkedAt: marker.checkedAt, version: '1.0.0' })
  await up(folder)
  t.notMatch(readJson(join(folder, '.ready')), { checkedAt: marker.checkedAt })
})

t.test('a check of a time to come is made again', async t => {
  const folder = t.testdir()
  await up(folder)
  const marker = { ...readJson(join(folder, '.ready')), checkedAt: '2999-01-01T00:00:00.000Z' }
  writeFileSync(join(folder, '.ready'), JSON.stringify(marker))
  t.match(await up(folder), { exitCode: 0, events: [{ event: 'up.done', applied: 0 }] })
  t.notMatch(readJson(join(folder, '.ready')), { checkedAt: marker.checkedAt })
})

t.test(
  'beside a hub that has the database open, and one that holds the write lock, there is nothing to do',
  async t => {
    for (const mode of ['wal', 'delete']) {
      const folder = t.testdir({})
      await up(folder)
      const hub = new Database(join(folder, 'homelab.db'))
      hub.pragma(`journal_mode = ${mode}`)
      hub.exec("INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan')")
      const nothing = { exitCode: 0, events: [{ event: 'up.nothing' }] }
      t.match(await up(folder, { MIGRATOR_LOCK_TIMEOUT: '0' }), nothing, mode)
      hub.exec("BEGIN IMMEDIATE; INSERT INTO servers (id, hostname) VALUES ('b', 'b.lan')")
      t.match(await up(folder, { MIGRATOR_LOCK_TIMEOUT: '0' }), nothing, `${mode}, locked`)
      hub.exec('COMMIT')
      t.equal(hub.prepare('SELECT count(*) FROM servers').pluck().get(), 2)
      hub.close()
    }
  },
)

t.test('after a hub that was killed in WAL mode the database is read for damage, once', async t => {
  const folder = t.testdir()
  await up(folder)
  const script = `const hub = new (require('better-sqlite3'))(process.argv[1])
    hub.exec("INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan')"); process.kill(process.pid, 'SIGKILL')`
  spawnSync(process.execPath, ['-e', script, join(folder, 'homelab.db')], { cwd: root })
  t.ok(existsSync(join(folder, 'homelab.db-wal')))
  const { checkedAt } = readJson(join(folder, '.ready'))
  t.match(await up(folder), { exitCode: 0, events: [{ event: 'up.done', applied: 0 }] })
  t.ok(String(readJson(join(folder, '.ready')).checkedAt) > String(checkedAt))
  t.match((await up(folder)).events, [{ event: 'up.nothing' }])
})

t.test('half a journal is refused with 30, not done away with', async t => {
  const folder = t.testdir()
  await up(folder)
  const file = join(folder, 'homelab.db')
  const script = `const hub = new (require('better-sqlite3'))(process.argv[1]); hub.pragma('journal_mode = DELETE'); hub.pragma('cache_size = 5')
    hub.exec("BEGIN; INSERT INTO servers (id, hostname) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i, 'x' FROM n")
    process.kill(process.pid, 'SIGKILL')`
  spawnSync(process.execPath, ['-e', script, file], { cwd: root })
  const journal = readFileSync(`${file}-journal`)
  const [before, strange] = [readFileSync(file), Buffer.concat([Buffer.from('?'), journal.subarray(1)])]
  writeFileSync(`${file}-journal`, strange)
  for (const words of [[], ['backup'], ['plan']])
    t.match(await runProgram(words, settingsFor(folder)), { exitCode: 30, stderr: /homelab\.db-journal is damaged/ })
  t.strictSame([readFileSync(file), readFileSync(`${file}-journal`)], [before, strange])
  writeFileSync(`${file}-journal`, journal)
  t.match(await up(folder), { exitCode: 0 })
  const connection = new Database(file)
  t.equal(connection.prepare('SELECT count(*) FROM servers').pluck().get(), 0, 'the right one takes it back')
  connection.close()
})

for (const [title, change] of [
  ['grew', (file: string) => appendFileSync(file, 'x'.repeat(5000))],
  ['was cut short', (file: string) => truncateSync(file, statSync(file).size - 4096)],
] as const) {
  t.test(`a file that ${title} is refused with 30 though nothing is pending, and not touched`, async t => {
    const folder = t.testdir({})
    const file = join(folder, 'homelab.db')
    await up(folder)
    change(file)
    const before = readFileSync(file)
    t.match(await up(folder), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
    t.strictSame(readFileSync(file), before)
    t.equal(existsSync(join(folder, '.ready')), false)
  })
}

t.test('MIGRATOR_CHECK=always checks each time', async t => {
  const folder = t.testdir()
  const checkedAt = () => String(readJson(join(folder, '.ready')).checkedAt)
  await up(folder)
  const first = checkedAt()
  t.match(await up(folder, { MIGRATOR_CHECK: 'always' }), { exitCode: 0, events: [{ event: 'up.done', applied: 0 }] })
  t.ok(checkedAt() > first)
})

t.test('a file that breaks its own rules is found before a migration touches it', async t => {
  const folder = migrationsWith(t, { '0004-x.js': query('CREATE TABLE x (y)') })
  const [data, settings] = withMigrations(folder)
  await up(data)
  const connection = new Database(join(data, 'homelab.db'))
  connection.unsafeMode(true)
  connection.exec(`INSERT INTO servers (id, hostname) VALUES ('a', 'b');
    PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'display_name\` TEXT', 'display_name\` TEXT NOT NULL')`)
  connection.close()
  t.match(await up(data, settings), { exitCode: 30, failure: 'DATABASE_DAMAGED', stderr: /NULL value in servers/ })
  t.equal(existsSync(join(data, 'backups')), false)
})

t.test('a volume that is missing is refused with 10 and not made', async t => {
  const folder = join(t.testdir(), 'none')
  t.match(await up(folder), { exitCode: 10, failure: 'VOLUME_MISSING' })
  t.equal(existsSync(folder), false)
})

t.test('a setting that makes no sense is refused with 2, and nothing is made', async t => {
  const folder = t.testdir()
  for (const settings of [
    { MIGRATOR_CHECK: 'sometimes' },
    { MIGRATOR_CHEKC: 'auto' },
    { MIGRATOR_MIGRATIONS: 'nowhere' },
    { MIGRATOR_READY_FILE: 'nowhere/.ready' },
  ]) {
    t.match(await up(folder, settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
  }
  t.strictSame(readdirSync(folder), [])
})

t.test('a database path that is a folder is refused with 2', async t => {
  t.match(await up(t.testdir({ 'homelab.db': {} })), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('a migration with an error at load stops everything before anything runs', async t => {
  const folder = migrationsWith(t, { '0004-bad.ts': 'export const up = async () => {' })
  t.match(await up(...withMigrations(folder)), { exitCode: 2, failure: 'CONFIG_INVALID', stderr: /0004-bad\.ts/ })
  t.strictSame(readdirSync(join(folder, 'data')), [])
})

t.test('a database replaced while it was waited for is not written to', async t => {
  const folder = t.testdir()
  const file = join(folder, 'homelab.db')
  await up(folder)
  rmSync(join(folder, '.ready'))
  copyFileSync(file, join(folder, 'other.db'))
  const writer = new Database(file)
  writer.exec('BEGIN IMMEDIATE')
  const { child, outcome } = startProgram([], settingsFor(folder))
  child.stderr.once('data', () => {
    rmSync(file)
    copyFileSync(join(folder, 'other.db'), file)
    writer.exec('ROLLBACK')
  })
  t.match(await outcome, { exitCode: 20, failure: 'DATABASE_BUSY' })
  writer.close()
})

const failingRename = `require('fs').renameSync = () => { throw new Error('unforeseen') }
require('module').syncBuiltinESMExports()`

t.test('a bug is the only failure with a stack', async t => {
  const folder = t.testdir()
  await up(folder)
  rmSync(join(folder, '.ready'))
  const preload = join(t.testdir({ 'preload.cjs': failingRename }), 'preload.cjs')
  const outcome = await up(folder, { NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require ${preload}` })
  t.match(outcome, { exitCode: 1, failure: 'BUG', stderr: /a bug in the migrator.* at / })
})

t.test('--to applies no migration after the named one, and the marker tells of that', async t => {
  const folder = t.testdir()
  const outcome = await runProgram(['up', '--to', '0002-create-metrics'], settingsFor(folder))
  t.match(outcome, { exitCode: 0 })
  t.match(outcome.events.at(-1), { event: 'up.done', applied: 2, schema: '0002-create-metrics' })
  t.match(readJson(join(folder, '.ready')), { schema: '0002-create-metrics', migrations: 2 })
  t.match((await runProgram(['up', '--to', '0002-create-metrics'], settingsFor(folder))).events.at(-1), { applied: 0 })
  t.match((await up(folder)).events.at(-1), { event: 'up.done', applied: 1, schema: head })
})

t.test(
  '--to a migration that the database is beyond is refused with 2, and names the command that goes back',
  async t => {
    const folder = t.testdir()
    await up(folder)
    const before = [dump(join(folder, 'homelab.db')), readFileSync(join(folder, '.ready'), 'utf8')]
    const outcome = await runProgram(['up', '--to', '0001-create-servers'], settingsFor(folder))
    t.match(outcome, {
      exitCode: 2,
      failure: 'CONFIG_INVALID',
      stderr: /at 0003-add-os-info.*down --to 0001-create-servers/,
    })
    t.strictSame([dump(join(folder, 'homelab.db')), readFileSync(join(folder, '.ready'), 'utf8')], before)
  },
)

t.test('--to a misspelt name suggests the nearest', async t => {
  const outcome = await runProgram(['up', '--to', '0001-creat-servers'], settingsFor(t.testdir()))
  t.match(outcome, { exitCode: 2, stderr: /Did you mean 0001-create-servers\?/ })
})

t.test('--to a migration that is not there is refused with 2, and so is --to with --hold', async t => {
  const folder = t.testdir()
  for (const words of [
    ['--to', '0009-x'],
    ['--to', '0001-create-servers', '--hold'],
  ])
    t.match(await runProgram(['up', ...words], settingsFor(folder)), { exitCode: 2, failure: 'CONFIG_INVALID' })
  t.strictSame(readdirSync(folder), [])
})

t.test(
  'two databases of one folder: the second is refused with the line that gives it a marker of its own',
  async t => {
    const folder = t.testdir()
    await up(folder)
    const marker = readFileSync(join(folder, '.ready'), 'utf8')
    const second = { DATABASE_URL: `sqlite:${join(folder, 'second.db')}` }
    const refused = await up(folder, second)
    t.match(refused, { exitCode: 2, failure: 'CONFIG_INVALID' })
    const [, own = ''] = /MIGRATOR_READY_FILE=(\S+)\. /.exec(refused.stderr) ?? []
    t.equal(own, join(folder, '.second.db.ready'))
    t.equal(readFileSync(join(folder, '.ready'), 'utf8'), marker)
    t.match(await up(folder, { ...second, MIGRATOR_READY_FILE: own }), {
      exitCode: 0,
      events: [{ event: 'up.nothing' }],
    })
    t.match(await up(folder), { exitCode: 0, events: [{ event: 'up.nothing' }] })
  },
)
