import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { runProgram, settingsFor, spawnProgram, startProgram } from '../help/program.ts'

t.test('a ready volume is not waited for', async t => {
  const settings = settingsFor(t.testdir())
  await runProgram([], settings)
  t.match(await runProgram(['wait', '--timeout', '0'], settings), { exitCode: 0, events: [{ event: 'wait.ready' }] })
})

t.test('it goes on when another program has made the volume ready', async t => {
  const settings = settingsFor(t.testdir())
  const waiting = startProgram(['wait', '--timeout', '300'], settings)
  await new Promise(resolve => waiting.child.stderr.once('data', resolve))
  await runProgram([], settings)
  t.match(await waiting.outcome, {
    exitCode: 0,
    stdout: '',
    events: [{ event: 'wait.waiting' }, { event: 'wait.ready' }],
  })
})

t.test('at the timeout it ends with 20, and nothing is made', async t => {
  const folder = t.testdir()
  t.match(await runProgram(['wait', '--timeout', '1'], settingsFor(folder)), { exitCode: 20, failure: 'NOT_READY' })
  t.match(await runProgram(['wait'], settingsFor(folder, { MIGRATOR_LOCK_TIMEOUT: '0' })), { exitCode: 20 })
  t.strictSame(readdirSync(folder), [])
})

t.test('a marker that is not true, or whose database is gone, is waited on', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec("UPDATE SequelizeMeta SET checksum = NULL WHERE name = '0003-add-os-info'")
  connection.close()
  t.match(await runProgram(['wait', '--timeout', '0'], settingsFor(folder)), { exitCode: 20 })
  rmSync(join(folder, 'homelab.db'))
  t.match(await runProgram(['wait', '--timeout', '0'], settingsFor(folder)), { exitCode: 20 })
})

t.test('a damaged database is not waited on: it is refused with 30', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  writeFileSync(join(folder, 'homelab.db'), 'no database')
  t.match(await runProgram(['wait'], settingsFor(folder)), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
})

t.test('a hub that has the file locked is waited for', async t => {
  const folder = t.testdir()
  await spawnProgram([], settingsFor(folder))
  const hub = new Database(join(folder, 'homelab.db'))
  hub.pragma('journal_mode = DELETE')
  hub.exec('BEGIN EXCLUSIVE')
  t.match(await spawnProgram(['wait', '--timeout', '1'], settingsFor(folder)), { exitCode: 20, failure: 'NOT_READY' })
  for (const words of [['status'], ['verify'], ['schema']]) {
    const settings = settingsFor(folder, { MIGRATOR_LOCK_TIMEOUT: '0' })
    t.match(await spawnProgram(words, settings), { exitCode: 20, failure: 'DATABASE_BUSY' }, String(words))
  }
  const started = [['wait', '--timeout', '60'], ['status'], ['verify'], ['schema']].map(words =>
    startProgram(words, settingsFor(folder)),
  )
  const waiting = started.map(({ child }) => new Promise(resolve => child.stderr.once('data', resolve)))
  await Promise.all(waiting)
  hub.exec('COMMIT')
  hub.close()
  for (const { outcome } of started) t.match(await outcome, { exitCode: 0 })
})

t.test('a signal ends the wait', async t => {
  const waiting = startProgram(['wait', '--timeout', '300'], settingsFor(t.testdir()))
  await new Promise(resolve => waiting.child.stderr.once('data', resolve))
  waiting.child.kill('SIGTERM')
  t.match(await waiting.outcome, { exitCode: 143 })
})

t.test('a volume that is missing is refused with 10', async t => {
  const settings = settingsFor(join(t.testdir(), 'none'))
  t.match(await runProgram(['wait'], settings), { exitCode: 10, failure: 'VOLUME_MISSING' })
})

for (const words of [['--timeout'], ['--timeout', '-1'], ['--timeout', '1.5'], ['--timeout', 'soon']]) {
  t.test(`"wait ${words.join(' ')}" is refused with 2`, async t => {
    t.match(await runProgram(['wait', ...words], settingsFor(t.testdir())), { exitCode: 2, failure: 'CONFIG_INVALID' })
  })
}
