import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import Database from 'better-sqlite3'
import t from 'tap'
import { type Status, status, statusText } from '../../src/commands/status.ts'
import { makeDatabase } from '../help/alembic.ts'
import { makeContext } from '../help/context.ts'
import { withMount } from '../help/mount.ts'
import { runProgram, settingsFor } from '../help/program.ts'
import { pipe, terminalOf } from '../help/screen.ts'

const empty: Status = {
  database: '/app/data/homelab.db',
  ready: false,
  bytes: 0,
  journalMode: null,
  applied: 0,
  pending: 1,
  migrations: [{ name: '0001-create-servers', state: 'pending', appliedAt: null, milliseconds: null, migrator: null }],
  conflicts: [],
  tables: [],
  marker: null,
  backups: [],
  lost: null,
  leftovers: [],
  server: null,
}
const marker = {
  schema: '0002-b',
  migrations: 2,
  database: 'homelab.db',
  fingerprint: 'sha256:1',
  checkedAt: null,
  readyAt: '2026-01-18T10:00:05.000Z',
  version: '1.0.0',
  seen: '1-1',
}
const full: Status = {
  ...empty,
  ready: true,
  bytes: 84_200_000,
  journalMode: 'wal',
  applied: 2,
  pending: 1,
  migrations: [
    { name: '0001-create-servers', state: 'changed', appliedAt: null, milliseconds: null, migrator: null },
    {
      name: '0002-b',
      state: 'applied',
      appliedAt: '2026-01-18T10:00:00.250Z',
      milliseconds: 12_345,
      migrator: '1.0.0',
    },
    { name: '0003-c', state: 'pending', appliedAt: null, milliseconds: null, migrator: null },
  ],
  conflicts: [
    { code: 'HISTORY_CONFLICT', name: '0001-create-servers', finding: 'was changed', hint: 'Put the old text back.' },
  ],
  tables: [
    { name: 'metrics', rows: 475_200 },
    { name: 'servers', rows: 11 },
  ],
  marker,
  backups: [{ file: '/app/data/backups/homelab--0001-x.db', bytes: 1000, madeAt: '2026-01-17T10:00:00.000Z' }],
}

t.test('what keeps it from looking whether a database is lost is no loss', async t => {
  const context = await makeContext(t.testdir())
  const preflight = async () => {
    throw new TypeError('a bug')
  }
  const look = status({ ...context, engine: { ...context.engine, preflight } }, { format: 'json', exitCode: false })
  await t.rejects(look, { name: 'TypeError' })
})

t.test('of many conflicts the first five are told, and how many more there are', async t => {
  const conflicts = Array.from({ length: 7 }, (_, index) => ({
    ...{ code: 'HISTORY_CONFLICT' as const, name: `000${index}-x`, finding: 'was changed', hint: 'Put it back.' },
  }))
  const text = statusText({ ...full, conflicts }, pipe)
  t.match(text, /0004-x was changed\n {2}Put it back\.\nand 2 more conflicts, with --json\n/)
  t.notMatch(text, '0005-x')
})

t.test('a standby says so, and how far it is behind where the server tells', async t => {
  const server = {
    version: 'PostgreSQL 15.5',
    bytes: 2_000_000,
    standby: true,
    lag: null,
    timeline: 1,
    synchronous: 'on',
  }
  const text = (lag: number | null) => statusText({ ...empty, server: { ...server, lag } as Status['server'] }, pipe)
  t.match(text(null), '2 MB, PostgreSQL 15.5, a standby\n')
  t.match(text(7), '2 MB, PostgreSQL 15.5, a standby, which has replayed what was committed 7 s ago\n')
})

t.test('an empty volume has little to tell', async t => {
  t.equal(
    statusText(empty, pipe),
    `/app/data/homelab.db: 0 applied, 1 pending, not ready
no database yet

  migration            state    applied (UTC)  took  by
  0001-create-servers  pending

no ready marker
no backups
`,
  )
})

t.test('everything that is there is told, and what is wrong with what to do', async t => {
  t.equal(
    statusText(full, pipe),
    `/app/data/homelab.db: 2 applied, 1 pending, ready at 0002-b
84.2 MB, journal mode wal

  migration            state    applied (UTC)        took       by
  0001-create-servers  changed
  0002-b               applied  2026-01-18 10:00:00  12,345 ms  1.0.0
  0003-c               pending

HISTORY_CONFLICT: 0001-create-servers was changed
  Put the old text back.

  table    rows
  metrics  475,200
  servers  11

ready marker of 0002-b, written 2026-01-18 10:00:05
1 backup, 1 kB:
  backup              size  made (UTC)
  homelab--0001-x.db  1 kB  2026-01-17 10:00:00
`,
  )
})

t.test('with nothing pending a ready volume is ready, and no more is to say', async t => {
  t.match(statusText({ ...full, pending: 0 }, pipe), '2 applied, 0 pending, ready\n')
})

t.test('a marker that is not true is told apart', async t => {
  t.match(
    statusText({ ...full, ready: false }, pipe),
    'ready marker of 0002-b, written 2026-01-18 10:00:05, not true of this database\n',
  )
})

t.test('on a terminal the words are the same, and colours tell what needs a look', async t => {
  const text = statusText(full, terminalOf(80))
  t.equal(stripVTControlCharacters(text), statusText(full, pipe))
  const { paint } = terminalOf(80)
  for (const [style, word] of [
    ['bold', 'migration'],
    ['green', 'applied'],
    ['yellow', 'pending'],
    ['red', 'changed'],
    ['red', 'HISTORY_CONFLICT'],
    ['green', 'ready at 0002-b'],
  ] as const)
    t.match(text, paint(style, word))
  t.match(statusText(empty, terminalOf(80)), paint('yellow', 'not ready'))
})

t.test('on a narrow terminal nothing is cut, and no line of a table is too wide', async t => {
  const text = stripVTControlCharacters(statusText(full, terminalOf(50)))
  t.match(text, '  0002-b\n    applied  2026-01-18 10:00:00  12,345 ms  1.0.0\n')
  const tables = text.split('\n').filter(line => line.startsWith('  '))
  t.ok(tables.every(line => line.length <= 50))
})

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

t.test('conflicts are shown, and are no failure of status', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec(
    "UPDATE SequelizeMeta SET name = '0009-future', checksum = 'sha256:9', applied_at = NULL WHERE name = '0003-add-os-info'",
  )
  connection.close()
  const { exitCode, stdout } = await runProgram(['status'], settingsFor(folder))
  t.equal(exitCode, 0)
  t.match(stdout, /DATABASE_AHEAD: 0009-future/)
  t.match(stdout, /3 applied, 1 pending, .*not ready/)
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

t.test('--exit-code ends with 3 when something is pending, after it has shown it', async t => {
  const settings = settingsFor(t.testdir())
  t.match(await runProgram(['status', '--exit-code'], settings), {
    exitCode: 3,
    failure: 'PENDING',
    stdout: /3 pending/,
  })
  await runProgram([], settings)
  t.match(await runProgram(['status', '--exit-code'], settings), { exitCode: 0, stderr: '' })
})

t.test('--exit-code ends with what `up` would end with when files and history disagree', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'))
  const refused = async (sql: string) => {
    connection.exec(sql)
    return runProgram(['status', '--exit-code'], settingsFor(folder))
  }
  t.match(await refused("DELETE FROM SequelizeMeta WHERE name = '0002-create-metrics'"), { exitCode: 52 })
  t.match(await refused("INSERT INTO SequelizeMeta (name) VALUES ('0009-future')"), { exitCode: 51 })
  t.match(await refused("UPDATE SequelizeMeta SET checksum = 'sha256:0' WHERE name = '0001-create-servers'"), {
    exitCode: 50,
    failure: 'HISTORY_CONFLICT',
    stdout: /changed/,
  })
  connection.close()
})

for (const [title, sql] of [
  ['that another program made', 'DROP TABLE SequelizeMeta'],
  [
    'where a newer image and another tool were',
    "INSERT INTO SequelizeMeta (name, checksum) VALUES ('0009-future', 'sha256:0'), ('20260101-foo.js', NULL)",
  ],
] as const) {
  t.test(`--exit-code ends as \`up\` does for a database ${title}`, async t => {
    const folder = t.testdir()
    await runProgram([], settingsFor(folder))
    makeDatabase(folder, sql)
    const { exitCode, failure, stdout } = await runProgram(['status', '--exit-code', '--json'], settingsFor(folder))
    t.match(JSON.parse(stdout), { conflicts: [{ code: String }] })
    t.match(await runProgram(['up'], settingsFor(folder)), { exitCode, failure })
    t.equal(failure, 'HISTORY_CONFLICT')
  })
}

t.test('a lost database is told as that, first with the command that brings it back, as it can be pasted', async t => {
  const folder = t.testdir()
  const settings = settingsFor(folder, { MIGRATOR_COMMAND: 'docker compose run --rm migrator' })
  await runProgram([], settings)
  const backup = (await runProgram(['backup'], settings)).stdout.trim()
  rmSync(join(folder, 'homelab.db'))
  const command = `With the hub stopped, run \`docker compose run --rm migrator restore --yes ${basename(backup)}\``
  const { exitCode, stdout } = await runProgram(['status'], settings)
  t.equal(exitCode, 0)
  t.match(stdout, `homelab.db is lost: it is missing, but had data\n  ${command}`)
  const { stderr } = await runProgram([], { ...settings, MIGRATOR_LOG_FORMAT: 'text' })
  t.match(stderr, `is lost: it is missing, but had data (DATABASE_DAMAGED)\n  ${command}`)
  t.equal(stderr.split(folder).length, 2, 'one path')
})

t.test('of many migrations, tables and backups a screen is shown, and how many more there are', async t => {
  const numbers = Array.from({ length: 100 }, (_, index) => String(index + 1).padStart(4, '0'))
  const [migration] = empty.migrations
  const [backup] = full.backups
  const text = statusText(
    {
      ...full,
      migrations: numbers.map(number => ({ ...migration, name: `${number}-a` }) as Status['migrations'][number]),
      tables: numbers.map(name => ({ name, rows: 1 })),
      backups: numbers.map(number => ({ ...backup, file: `/${number}.db` }) as Status['backups'][number]),
    },
    pipe,
  )
  t.ok(text.split('\n').length < 60, text)
  for (const more of ['and 90 more', 'and 80 more']) t.match(text, more)
})

t.test('--exit-code ends as `up` does for a database that is lost', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  rmSync(join(folder, 'homelab.db'))
  t.match(await runProgram(['status', '--exit-code'], settingsFor(folder)), { exitCode: 30, stdout: /3 pending/ })
  t.match(await runProgram(['up'], settingsFor(folder)), { exitCode: 30 })
})

t.test('each state is shown as such', async t => {
  const folder = t.testdir({ migrations: {}, data: {} })
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  for (const name of ['0001-a', '0002-b', '0003-c', '0004-d'])
    writeFileSync(join(folder, `migrations/${name}.ts`), 'export const up = async () => {}')
  await runProgram([], settings)
  const connection = new Database(join(folder, 'data/homelab.db'))
  connection.exec(`UPDATE SequelizeMeta SET checksum = 'sha256:0' WHERE name = '0001-a';
    UPDATE SequelizeMeta SET name = '0002-gone', checksum = 'sha256:9' WHERE name = '0002-b';
    UPDATE SequelizeMeta SET name = '0009-new', checksum = 'sha256:9' WHERE name = '0004-d'`)
  connection.close()
  writeFileSync(join(folder, 'migrations/0004-d.ts'), 'export const up = async () => {}')
  const { stdout } = await runProgram(['status', '--json'], settings)
  const states = JSON.parse(stdout).migrations.map(({ name, state }: Record<string, string>) => `${name} ${state}`)
  t.strictSame(states, [
    '0001-a changed',
    '0002-b out of order',
    '0002-gone missing',
    '0003-c applied',
    '0004-d out of order',
    '0009-new ahead',
  ])
})

t.test('a migration is not changed for want of the file before it', async t => {
  const folder = t.testdir({ migrations: {}, data: {} })
  const settings = settingsFor(join(folder, 'data'), { MIGRATOR_MIGRATIONS: join(folder, 'migrations') })
  for (const name of ['0001-a', '0002-b', '0003-c'])
    writeFileSync(join(folder, `migrations/${name}.ts`), 'export const up = async () => {}')
  await runProgram([], settings)
  rmSync(join(folder, 'migrations/0002-b.ts'))
  const { stdout } = await runProgram(['status', '--json'], settings)
  t.strictSame(
    JSON.parse(stdout).migrations.map(({ state }: Record<string, string>) => state),
    ['applied', 'missing', 'applied'],
  )
})

t.test(
  'a read-only volume is read, and nothing is made there',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount' },
  async t => {
    const folder = t.testdir()
    await runProgram([], settingsFor(folder))
    mkdirSync(join(folder, 'mount'))
    await withMount(join(folder, 'mount'), ['--bind', '-o', 'ro', folder], async () => {
      const outcome = await runProgram(['status', '--json'], settingsFor(join(folder, 'mount')))
      t.match(outcome, { exitCode: 0, stderr: '' })
      t.match(JSON.parse(outcome.stdout), { ready: true, journalMode: 'wal', marker: { migrations: 3 } })
    })
    t.strictSame(readdirSync(folder).sort(), ['.ready', 'homelab.db', 'mount'])
  },
)

t.test('whoever needs the history is told when what has its name is none', async t => {
  const folder = t.testdir()
  makeDatabase(folder, "CREATE TABLE servers (id); CREATE VIEW SequelizeMeta AS SELECT '0001-a' AS name")
  for (const line of ['up', 'status', 'plan', 'verify', 'schema', 'adopt', 'down --yes', 'repair 0001-create-servers'])
    t.match(await runProgram(line.split(' '), settingsFor(folder)), { exitCode: 50, failure: 'HISTORY_CONFLICT' }, line)
})
