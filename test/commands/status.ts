import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { runProgram, settingsFor } from '../help/program.ts'

t.test('an empty volume has everything pending, and nothing is made there', async t => {
  const folder = t.testdir()
  const { exitCode, stdout } = await runProgram(['status', '--json'], settingsFor(folder))
  t.equal(exitCode, 0)
  t.match(JSON.parse(stdout), {
    ready: false,
    migrations: [{ state: 'pending' }, { state: 'pending' }, { state: 'pending' }],
  })
  t.strictSame(readdirSync(folder), [])
})

t.test('after a run everything is applied and ready', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const { stdout } = await runProgram(['status', '--json'], settingsFor(folder))
  t.match(JSON.parse(stdout), {
    ready: true,
    conflicts: [],
    migrations: [{ name: '0001-create-servers', state: 'applied', appliedAt: /Z$/, migrator: '1.0.0' }, {}, {}],
  })
})

t.test('people get a table', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const { stdout } = await runProgram(['status'], settingsFor(folder))
  t.match(stdout, /homelab\.db: 0 pending, ready\n {2}0001-create-servers {2}applied {2}\d{4}-.*Z\n/)
})

t.test('conflicts are shown, and are no failure of status', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec("UPDATE SequelizeMeta SET name = '0009-future', applied_at = NULL WHERE name = '0003-add-os-info'")
  connection.close()
  const { exitCode, stdout } = await runProgram(['status'], settingsFor(folder))
  t.equal(exitCode, 0)
  t.match(stdout, /DATABASE_AHEAD: 0009-future/)
  t.match(stdout, /not ready/)
})

t.test('a file that is no database is refused with 30', async t => {
  const folder = t.testdir({ 'homelab.db': 'no database'.repeat(100) })
  t.match(await runProgram(['status'], settingsFor(folder)), { exitCode: 30, failure: 'DATABASE_DAMAGED' })
  t.equal(existsSync(join(folder, '.ready')), false)
})

t.test('a volume that is missing is refused with 10', async t => {
  t.match(await runProgram(['status'], settingsFor(join(t.testdir(), 'none'))), {
    exitCode: 10,
    failure: 'VOLUME_MISSING',
  })
})
