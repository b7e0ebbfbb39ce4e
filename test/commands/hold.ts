import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { hold } from '../../src/commands/hold.ts'
import { makeContext } from '../help/context.ts'
import { firstThree } from '../help/first-three.ts'
import { readJson, root, runProgram, settingsFor, startProgram } from '../help/program.ts'

const until = async (what: string, isSo: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 300; tries += 1) {
    if (isSo()) return
    await setTimeout(100)
  }
  throw new Error(`never so: ${what}`)
}

/** A sidecar that holds a volume; killed when the test is over, if it did not end. */
const startHold = async (
  t: Pick<Test, 'testdir' | 'teardown'>,
  more: Readonly<Record<string, string>> = {},
  folder: string = t.testdir(),
) => {
  const { child, outcome } = startProgram(['up', '--hold'], settingsFor(folder, more))
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr.on('data', text => {
    log += text
  })
  const marker = join(folder, '.ready')
  const database = join(folder, 'homelab.db')
  const logged = (event: string) => until(event, () => log.includes(event))
  await logged('hold.holding')
  return { child, outcome, folder, marker, database, logged }
}

/** Puts another file in the place of the database at once, as a restore does. */
const replace = (database: string, by: string): void => {
  for (const end of ['-wal', '-shm']) rmSync(database + end, { force: true })
  copyFileSync(by, `${database}.new`)
  renameSync(`${database}.new`, database)
}

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  t.test(`it brings the volume up, stays, and ends well on ${signal}`, async t => {
    const { child, outcome, marker, folder } = await startHold(t)
    t.match(readJson(marker), { schema: '0003-add-os-info' })
    t.equal(child.exitCode, null)
    t.match(await runProgram([], settingsFor(folder)), { exitCode: 0, events: [{ event: 'up.nothing' }] })
    child.kill(signal)
    t.match(await outcome, { exitCode: 0, signal: null, events: [{}, {}, {}, {}, {}, { event: 'hold.ended' }] })
    t.equal(existsSync(marker), true)
  })

t.test('an older database that is put in its place is brought up again, with its data', async t => {
  const old = t.testdir({ migrations: {}, data: {} })
  cpSync(firstThree, join(old, 'migrations'), { recursive: true })
  rmSync(join(old, 'migrations/0003-add-os-info.ts'))
  await runProgram([], settingsFor(join(old, 'data'), { MIGRATOR_MIGRATIONS: join(old, 'migrations') }))
  const older = new Database(join(old, 'data/homelab.db'))
  older.exec("INSERT INTO servers (id, hostname) VALUES ('kept', 'kept.lan')")
  older.close()
  const kept = join(old, 'data/homelab.db')

  const folder = join(old, 'held')
  mkdirSync(folder)
  const { child, outcome } = startProgram(['up', '--hold'], settingsFor(folder))
  t.teardown(() => child.kill('SIGKILL'))
  const [marker, database] = [join(folder, '.ready'), join(folder, 'homelab.db')]
  await until('ready', () => existsSync(marker))
  const first = readJson(marker)
  replace(database, kept)
  await until('another marker', () => existsSync(marker) && readJson(marker).readyAt !== first.readyAt)
  child.kill('SIGTERM')
  t.match((await outcome).events, [{}, {}, {}, {}, {}, { event: 'hold.changed' }, { event: 'backup.made' }])
  const connection = new Database(database, { readonly: true })
  t.match(connection.prepare('SELECT id, os_info FROM servers').all(), [{ id: 'kept', os_info: String }])
  connection.close()
})

t.test('a hub that writes, and a checkpoint, are no reason to do anything', async t => {
  const { child, outcome, database, marker } = await startHold(t)
  const { readyAt } = readJson(marker)
  const connection = new Database(database)
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan')")
  connection.pragma('wal_checkpoint(TRUNCATE)')
  await setTimeout(2500)
  connection.close()
  child.kill('SIGTERM')
  t.notMatch((await outcome).stderr, 'hold.changed')
  t.equal(readJson(marker).readyAt, readyAt)
})

t.test('a marker that somebody took away is written again', async t => {
  const { child, outcome, marker, logged } = await startHold(t)
  rmSync(marker)
  await logged('hold.recovered')
  t.equal(existsSync(marker), true)
  child.kill('SIGTERM')
  t.match((await outcome).stderr, /hold\.changed.*hold\.recovered/s)
})

t.test('a backup of an older schema that is restored is brought up, though its marker is true', async t => {
  const folder = t.testdir()
  await runProgram(['up', '--to', '0002-create-metrics'], settingsFor(folder))
  await runProgram(['backup'], settingsFor(folder))
  const { outcome, child, marker, logged } = await startHold(t, {}, folder)
  t.match(await runProgram(['restore', '--latest', '--yes'], settingsFor(folder)), { exitCode: 0 })
  await logged('hold.recovered')
  t.match(readJson(marker), { schema: '0003-add-os-info' })
  child.kill('SIGTERM')
  t.match(await outcome, { exitCode: 0 })
})

t.test('a database that a writer has locked is not replaced: it is waited for', async t => {
  const { child, outcome, database, folder } = await startHold(t, { MIGRATOR_LOCK_TIMEOUT: '0' })
  const hub = new Database(database)
  hub.pragma('journal_mode = DELETE')
  t.match(await runProgram([], settingsFor(folder)), { exitCode: 0 })
  hub.exec("BEGIN EXCLUSIVE; INSERT INTO servers (id, hostname) VALUES ('a', 'a.lan')")
  utimesSync(database, new Date(), new Date())
  await setTimeout(2500)
  hub.exec('COMMIT')
  hub.close()
  await setTimeout(1500)
  child.kill('SIGTERM')
  const { exitCode, stderr } = await outcome
  t.equal(exitCode, 0)
  t.notMatch(stderr, 'hold.changed')
})

t.test('one that was replaced while a writer has it locked is brought up when that is done', async t => {
  const { child, outcome, database, marker, logged } = await startHold(t, { MIGRATOR_LOCK_TIMEOUT: '0' })
  const hub = new Database(database)
  hub.exec('BEGIN IMMEDIATE')
  rmSync(marker)
  await logged('hold.changed')
  await setTimeout(1500)
  t.equal(existsSync(marker), false)
  hub.exec('ROLLBACK')
  hub.close()
  await logged('hold.recovered')
  child.kill('SIGTERM')
  t.match(await outcome, { exitCode: 0 })
})

t.test('the health check is green only once this sidecar has brought the volume up', async t => {
  const folder = t.testdir({
    data: {},
    migrations: { '0004-wait.js': 'export const up = () => new Promise(done => setTimeout(done, 3000))' },
  })
  cpSync(firstThree, join(folder, 'migrations'), { recursive: true })
  const data = join(folder, 'data')
  await runProgram([], settingsFor(data))
  const isHealthy = (settings: Readonly<Record<string, string>>) =>
    spawnSync('/bin/sh', [join(root, 'healthcheck.sh')], { env: settings }).status === 0
  t.equal(isHealthy(settingsFor(data)), true, 'without a sidecar')
  const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  const { child, outcome } = startProgram(['up', '--hold'], settings)
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr.on('data', text => {
    log += text
  })
  t.equal(isHealthy(settingsFor(data)), false, 'from its first moment')
  await until('a backup', () => existsSync(join(data, 'backups')))
  t.equal(isHealthy(settingsFor(data)), false, 'while a migration runs')
  await until('held', () => log.includes('hold.holding'))
  t.equal(isHealthy(settingsFor(data)), true)
  child.kill('SIGTERM')
  t.match(await outcome, { exitCode: 0 })
  t.equal(isHealthy(settingsFor(data)), true, 'when it is gone, as in the container of a hub')
})

t.test('while the database is gone there is no marker; when it is back there is one', async t => {
  const metrics = join(t.testdir({ data: {} }), 'homelab.prom')
  const isReady = () => /^homelab_migrator_ready (\d)$/m.exec(readFileSync(metrics, 'utf8'))?.[1]
  const settings = { MIGRATOR_METRICS_FILE: metrics }
  const { child, outcome, database, marker, logged } = await startHold(t, settings, join(dirname(metrics), 'data'))
  t.equal(isReady(), '1')
  renameSync(database, `${database}.away`)
  await logged('hold.gone')
  t.equal(existsSync(marker), false)
  await until('metrics that say so', () => isReady() === '0')
  renameSync(`${database}.away`, database)
  await logged('hold.recovered')
  t.equal(existsSync(marker), true)
  t.equal(isReady(), '1')
  child.kill('SIGTERM')
  t.match(await outcome, { exitCode: 0 })
})

t.test('a folder in its place ends the sidecar with 2, and there is no marker', async t => {
  const { outcome, database, marker } = await startHold(t)
  renameSync(database, `${database}.away`)
  mkdirSync(database)
  t.match(await outcome, { exitCode: 2, failure: 'CONFIG_INVALID' })
  t.equal(existsSync(marker), false)
})

t.test('rubbish in its place ends the sidecar with 30, and there is no marker', async t => {
  const { outcome, database, marker, folder } = await startHold(t)
  writeFileSync(join(folder, 'rubbish'), 'x'.repeat(20_000))
  replace(database, join(folder, 'rubbish'))
  t.match(await outcome, { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  t.equal(existsSync(marker), false)
})

t.test('what cannot be brought up at the start is not held', async t => {
  const folder = t.testdir({ 'homelab.db': 'x'.repeat(20_000) })
  t.match(await runProgram(['up', '--hold'], settingsFor(folder)), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
})

t.test('what stops it and is no signal is thrown', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const controller = new AbortController()
  const context = await makeContext(folder, {}, controller.signal)
  const holding = hold(context)
  setImmediate(() => controller.abort(new Error('a bug')))
  await t.rejects(holding, { message: 'a bug' })
})
