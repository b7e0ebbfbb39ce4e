import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { hold } from '../../src/commands/hold.ts'
import { createLog } from '../../src/log.ts'
import { readJson, root, runProgram, settingsFor, startProgram } from '../help/program.ts'
import { pipe } from '../help/screen.ts'

const until = async (what: string, isSo: () => boolean): Promise<void> => {
  for (let tries = 0; tries < 300; tries += 1) {
    if (isSo()) return
    await setTimeout(100)
  }
  throw new Error(`never so: ${what}`)
}

/** A sidecar that holds a volume; killed when the test is over, if it did not end. */
const startHold = async (t: Pick<Test, 'testdir' | 'teardown'>, more: Readonly<Record<string, string>> = {}) => {
  const folder = t.testdir()
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
  cpSync(join(root, 'migrations'), join(old, 'migrations'), { recursive: true })
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
  const { child, outcome, marker } = await startHold(t)
  rmSync(marker)
  await until('a marker', () => existsSync(marker))
  child.kill('SIGTERM')
  t.match((await outcome).stderr, 'hold.changed')
})

t.test('while the database is gone there is no marker; when it is back there is one', async t => {
  const { child, outcome, database, marker, logged } = await startHold(t)
  renameSync(database, `${database}.away`)
  await logged('hold.gone')
  t.equal(existsSync(marker), false)
  renameSync(`${database}.away`, database)
  await until('a marker', () => existsSync(marker))
  child.kill('SIGTERM')
  t.match(await outcome, { exitCode: 0 })
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
  const config = {
    ...{ database: join(folder, 'homelab.db'), volume: folder, migrations: join(root, 'migrations') },
    ...({
      requireMount: 'never',
      readyFile: join(folder, '.ready'),
      lockTimeout: 1,
      backup: 'never',
      backupKeep: 1,
    } as const),
    ...({ check: 'auto', logFormat: 'json', logLevel: 'error' } as const),
  }
  const host = { container: false, mounts: [], uid: 0, gid: 0 }
  const log = createLog('json', 'error', 2, pipe)
  const controller = new AbortController()
  const context = {
    config,
    log,
    host,
    signal: controller.signal,
    print: () => undefined,
    screen: pipe,
    version: '1.0.0',
  }
  const holding = hold(context)
  setImmediate(() => controller.abort(new Error('a bug')))
  await t.rejects(holding, { message: 'a bug' })
})
