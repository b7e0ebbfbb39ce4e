import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { findingLine, findingsText } from '../../src/commands/verify.ts'
import { makeDatabase } from '../help/alembic.ts'
import { firstThree } from '../help/first-three.ts'
import { copyMigrated } from '../help/migrated.ts'
import { withMount } from '../help/mount.ts'
import { runProgram, settingsFor, startProgram } from '../help/program.ts'

const finding = { weight: 'difference', object: 'column a.x', what: 'default', expected: '1', found: '2' } as const

t.test('no findings are no text', async t => t.strictSame(findingsText([]), []))

t.test('findings come by their weight, the differences first', async t => {
  t.strictSame(
    findingsText([
      { ...finding, weight: 'information', what: 'extra', expected: null, found: 'INT' },
      { ...finding, weight: 'tolerated', found: null },
      finding,
      { ...finding, object: 'table long', what: 'pending', expected: null, found: null },
    ]),
    [
      'differences:',
      '  column a.x  default  expected 1, found 2',
      '  table long  pending',
      'tolerated, because another tool made the database:',
      '  column a.x  default  expected 1, found nothing',
      'for information:',
      '  column a.x  extra  INT',
    ],
  )
})

t.test('names of types are only counted', async t => {
  const name = { ...finding, weight: 'information', what: 'type name' } as const
  t.strictSame(findingsText([name, name]), [
    'for information:',
    '  2 columns  type name  of the same affinity; --json names them',
  ])
})

t.test('a finding is one line of a log', async t => {
  t.equal(findingLine(finding), 'column a.x default: expected 1, found 2')
  t.equal(findingLine({ ...finding, expected: null }), 'column a.x default: 2')
  t.equal(findingLine({ ...finding, what: 'pending', expected: null, found: null }), 'column a.x pending')
})

/** A ready volume, then changed by SQL. */
const prepare = async (t: Pick<Test, 'testdir'>, sql = '') => {
  const folder = await copyMigrated(t)
  makeDatabase(folder, sql)
  return folder
}
const contentOf = (folder: string) =>
  readdirSync(folder).map(name => [name, readFileSync(join(folder, name), 'latin1')])

t.test('a sound volume ends with 0, and all of it is as documented', async t => {
  const folder = await prepare(t, 'CREATE TABLE notes (note TEXT)')
  // the table came behind the back of the program, so the marker is made anew
  await runProgram([], settingsFor(folder))
  const outcome = await runProgram(['verify'], settingsFor(folder))
  t.match(outcome, { exitCode: 0, stderr: '' })
  t.equal(
    outcome.stdout.replaceAll(folder, 'FOLDER'),
    `FOLDER/homelab.db at 0003-add-os-info: sound
  damage        passed
  foreign keys  passed
  history       passed
  structure     passed
  marker        passed
for information:
  table notes  extra  note
`,
  )
  const { stdout } = await runProgram(['verify', '--json'], settingsFor(folder))
  t.strictSame(JSON.parse(stdout), {
    database: join(folder, 'homelab.db'),
    schema: '0003-add-os-info',
    code: null,
    checks: ['damage', 'foreign keys', 'history', 'structure', 'marker'].map(check => ({ check, result: 'passed' })),
    findings: [
      {
        check: 'structure',
        code: null,
        weight: 'information',
        object: 'table notes',
        what: 'extra',
        expected: null,
        found: 'note',
        hint: null,
      },
    ],
  })
})

t.test('all that is wrong is told at once, each with expected and found; the worst gives the exit code', async t => {
  const folder = await prepare(
    t,
    `INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');
     INSERT INTO metrics (server_id, timestamp) VALUES ('gone', '2026-01-18 10:00:00');
     ALTER TABLE servers ADD COLUMN note TEXT;
     UPDATE SequelizeMeta SET checksum = 'sha256:0' WHERE name = '0001-create-servers'`,
  )
  rmSync(join(folder, '.ready'))
  const { exitCode, failure, stdout, events } = await runProgram(['verify'], settingsFor(folder))
  t.strictSame([exitCode, failure], [50, 'HISTORY_CONFLICT'])
  t.equal(
    stdout.replaceAll(folder, 'FOLDER').replaceAll(/sha256:\w{64}/g, 'DIGEST'),
    `FOLDER/homelab.db at 0003-add-os-info: HISTORY_CONFLICT, 4 differences
  damage        passed
  foreign keys  failed
  history       failed
  structure     failed
  marker        failed
differences:
  foreign keys of metrics to servers  rows without a parent  expected 0, found 1, the first with rowid 1
  0001-create-servers                 history                was changed after it was applied
  column servers.note                 extra                  TEXT
  ready marker                        missing                expected a true one, found nothing
`,
  )
  t.equal(events.length, 1, 'one line of the log')
  for (const said of [
    'foreign keys of metrics',
    '0001-create-servers',
    'column servers.note',
    'ready marker missing',
    'migrator repair',
  ])
    t.match(events, [{ message: new RegExp(said) }])
})

for (const [code, exitCode, sql] of [
  ['SCHEMA_DRIFT', 53, 'DROP INDEX idx_metrics_server_timestamp'],
  [
    'DATABASE_AHEAD',
    51,
    "UPDATE SequelizeMeta SET name = '0009-next', checksum = 'sha256:9' WHERE name = '0003-add-os-info'",
  ],
  ['OUT_OF_ORDER', 52, "DELETE FROM SequelizeMeta WHERE name = '0002-create-metrics'"],
  [
    'DATABASE_DAMAGED',
    30,
    `INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan'); PRAGMA writable_schema = ON; DROP TABLE metrics;
     UPDATE sqlite_schema SET sql = replace(sql, 'display_name\` TEXT', 'display_name\` TEXT NOT NULL')`,
  ],
  ['NOT_READY', 20, "UPDATE SequelizeMeta SET checksum = NULL WHERE name = '0003-add-os-info'"],
] as const) {
  t.test(`${code} ends with ${exitCode}, and is the code of the report; a false marker beside it is less`, async t => {
    const { stdout, ...outcome } = await runProgram(['verify', '--json'], settingsFor(await prepare(t, sql)))
    t.match(outcome, { exitCode, failure: code })
    t.match(JSON.parse(stdout), { code })
  })
}

t.test('a volume without a database ends with 20, and nothing is made', async t => {
  const folder = t.testdir()
  t.match(await runProgram(['verify'], settingsFor(folder)), {
    exitCode: 20,
    failure: 'NOT_READY',
    stdout: /homelab\.db: NOT_READY, 1 difference\n {2}damage {8}not checked\n/,
  })
  t.strictSame(readdirSync(folder), [])
})

t.test('a volume that is missing is refused with 10', async t => {
  const settings = settingsFor(join(t.testdir(), 'none'))
  t.match(await runProgram(['verify'], settings), { exitCode: 10, failure: 'VOLUME_MISSING', stdout: '' })
})

t.test('migrations that cannot be read are refused with 2', async t => {
  const settings = settingsFor(await prepare(t), { MIGRATOR_MIGRATIONS: t.testdir({}) })
  t.match(await runProgram(['verify'], settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

t.test('it leaves no trace', async t => {
  const folder = await prepare(t)
  const before = contentOf(folder)
  await runProgram(['verify'], settingsFor(folder))
  t.strictSame(contentOf(folder), before)
})

t.test('what a killed writer left is looked at, and left where it is', async t => {
  const folder = await prepare(t)
  const hub = new Database(join(folder, 'homelab.db'))
  hub.exec("INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan')")
  const killed = join(folder, 'killed')
  mkdirSync(killed)
  for (const name of ['homelab.db', 'homelab.db-wal', '.ready']) copyFileSync(join(folder, name), join(killed, name))
  hub.close()
  const before = contentOf(killed)
  t.match(await runProgram(['verify'], settingsFor(killed)), { exitCode: 0 })
  t.strictSame(contentOf(killed), before)
})

t.test('a hub that writes is neither held up nor in the way', async t => {
  const folder = await prepare(t)
  const hub = new Database(join(folder, 'homelab.db'))
  hub.exec("INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan'); BEGIN IMMEDIATE; DELETE FROM servers")
  t.match(await runProgram(['verify'], settingsFor(folder)), { exitCode: 0 })
  hub.exec('ROLLBACK')
  const { outcome } = startProgram(['verify'], settingsFor(folder))
  let ended = false
  void outcome.finally(() => {
    ended = true
  })
  let writes = 0
  for (; !ended; writes += 1) {
    hub.exec("INSERT INTO metrics (server_id, timestamp) VALUES ('omv', CURRENT_TIMESTAMP)")
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  t.match(await outcome, { exitCode: 0 })
  t.ok(writes > 10)
  hub.close()
})

t.test(
  'a read-only volume is verified, and nothing is made there',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount' },
  async t => {
    const folder = await prepare(t)
    mkdirSync(join(folder, 'mount'))
    await withMount(join(folder, 'mount'), ['--bind', '-o', 'ro', folder], async () => {
      t.match(await runProgram(['verify'], settingsFor(join(folder, 'mount'))), { exitCode: 0, stderr: '' })
    })
    t.strictSame(readdirSync(folder).sort(), ['.ready', 'homelab.db', 'mount'])
  },
)

t.test('a database that an older image made is sound for this one, with what is pending', async t => {
  const folder = t.testdir({ data: {}, older: {} })
  for (const name of ['0001-create-servers.ts', '0002-create-metrics.ts'])
    cpSync(join(firstThree, name), join(folder, 'older', name))
  const data = join(folder, 'data')
  await runProgram([], settingsFor(data, { MIGRATOR_MIGRATIONS: join(folder, 'older') }))
  t.match(await runProgram(['verify'], settingsFor(data)), {
    exitCode: 0,
    stdout: /at 0002-create-metrics: sound\n(?:.*\n)*for information:\n {2}0003-add-os-info {2}pending\n$/,
  })
})

t.test('a migration that is stopped by a signal leaves nothing', async t => {
  const folder = t.testdir({ data: {}, migrations: {} })
  const file = join(folder, 'migrations/0001-a.js')
  writeFileSync(file, 'export const up = async () => {}')
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  await runProgram([], settings)
  writeFileSync(
    file,
    "export const up = () => { console.log('waiting'); return new Promise(r => setTimeout(r, 3000)) }",
  )
  const { child, outcome } = startProgram(['verify'], settings)
  child.stderr.once('data', () => child.kill('SIGTERM'))
  t.match(await outcome, { exitCode: 143, failure: 'SIGTERM' })
})

t.test('a plain index of a person is information, and the volume stays ready', async t => {
  const folder = await prepare(t, 'CREATE INDEX mine ON servers (hostname)')
  t.match(await runProgram(['verify'], settingsFor(folder)), { exitCode: 0, stdout: /index mine on servers/ })
  t.match(await runProgram(['wait', '--timeout', '0'], settingsFor(folder)), { exitCode: 0 })
})
