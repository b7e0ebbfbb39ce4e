import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { readOrigin } from '../../src/commands/adopt.ts'
import { initModels, Metric, Server } from '../../src/hub/models.ts'
import { connectSequelize } from '../../src/sqlite/bridge/sequelize.ts'
import { openExisting } from '../../src/sqlite/connect.ts'
import { originText } from '../../src/verify/adoption.ts'
import { alembicRows, alembicSql, makeDatabase } from '../help/alembic.ts'
import { firstThree } from '../help/first-three.ts'
import { dump, readJson, runProgram, settingsFor, spawnProgram, startProgram } from '../help/program.ts'

/** A database of another tool in a test's folder. */
const prepare = (t: Pick<Test, 'testdir'>, sql: string) => {
  const folder = t.testdir()
  return { folder, file: makeDatabase(folder, sql), settings: settingsFor(folder) }
}

/** Every object and row but those of the history: what no `adopt` may change. */
const dumpWithoutHistory = (file: string) => {
  const [objects, rows]: [{ name: string; tbl_name: string; sql: string }[], [string, unknown][]] = JSON.parse(
    dump(file),
  )
  return [
    objects.filter(({ tbl_name }) => tbl_name !== 'SequelizeMeta').map(({ name, sql }) => [name, sql]),
    rows.filter(([name]) => name !== 'SequelizeMeta'),
  ]
}
const historyIn = (file: string) => {
  const connection = new Database(file, { readonly: true })
  const rows = connection.prepare('SELECT name, checksum, migrator FROM SequelizeMeta ORDER BY name').all()
  connection.close()
  return rows
}

t.test("Alembic's first revision is at 0002; it is taken over as it is, and up goes on from there", async t => {
  const { folder, file, settings } = prepare(t, alembicSql + alembicRows)
  const before = dumpWithoutHistory(file)
  t.match(await runProgram([], settings), { exitCode: 50, failure: 'HISTORY_CONFLICT', stderr: /migrator adopt/ })
  const outcome = await runProgram(['adopt'], settings)
  t.match(outcome, {
    exitCode: 0,
    events: [{ event: 'adopt.done', recorded: ['0001-create-servers', '0002-create-metrics'] }],
  })
  t.equal(
    outcome.stdout.replaceAll(folder, 'FOLDER'),
    `FOLDER/homelab.db, made by Alembic 2e6e20f4bc94, is at 0002-create-metrics
tolerated, because another tool made the database:
  table metrics                                    AUTOINCREMENT  expected yes, found no
  foreign key metrics (server_id) to servers (id)  ON DELETE      expected NO ACTION, found CASCADE
  column servers.id                                NULL           expected NULL, found NOT NULL
  column servers.status                            NULL           expected NULL, found NOT NULL
  column servers.status                            default        expected 'unknown', found nothing
  column servers.created_at                        NULL           expected NULL, found NOT NULL
  column servers.created_at                        default        expected CURRENT_TIMESTAMP, found nothing
  column servers.updated_at                        NULL           expected NULL, found NOT NULL
  column servers.updated_at                        default        expected CURRENT_TIMESTAMP, found nothing
for information:
  index ix_metrics_server_id on metrics  extra      (server_id)
  index ix_metrics_timestamp on metrics  extra      (timestamp)
  table alembic_version                  extra      version_num
  24 columns                             type name  of the same affinity; --json names them
`,
  )
  t.strictSame(dumpWithoutHistory(file), before, 'not a row, not an object')
  t.match(historyIn(file), [
    { name: '0001-create-servers', checksum: /^sha256:/, migrator: '1.0.0, adopted from Alembic 2e6e20f4bc94' },
    { name: '0002-create-metrics', checksum: /^sha256:/, migrator: '1.0.0, adopted from Alembic 2e6e20f4bc94' },
  ])
  t.match(await runProgram([], settings), {
    exitCode: 0,
    events: [{ event: 'backup.made' }, { event: 'migration.applied', name: '0003-add-os-info' }, { event: 'up.done' }],
  })
  t.match(await runProgram(['verify'], settings), { exitCode: 0, stdout: /: sound\n/ })
})

t.test('the models read and write it', async t => {
  const { file, settings } = prepare(t, alembicSql + alembicRows)
  await runProgram(['adopt'], settings)
  await runProgram([], settings)
  const connection = openExisting(file)
  t.teardown(() => connection.close())
  initModels(connectSequelize(connection))
  await Server.create({ id: 'new', hostname: 'new.lan', architecture: 'arm64' })
  await Metric.create({
    server_id: 'new',
    timestamp: new Date('2026-01-18T10:02:00.000Z'),
    network_rx_bytes: '9223372036854775807',
  })
  const servers = await Server.findAll({ include: 'metrics', order: ['id', ['metrics', 'timestamp', 'ASC']] })
  t.match(
    servers.map(({ id, status, os_info, created_at, metrics = [] }) => ({
      id,
      status,
      created_at: created_at.getTime() > 0,
      os_info,
      metrics: metrics.map(({ timestamp, network_rx_bytes }) => [timestamp.toISOString(), network_rx_bytes]),
    })),
    [
      {
        id: 'new',
        status: 'unknown',
        created_at: true,
        os_info: { architecture: 'arm64' },
        metrics: [['2026-01-18T10:02:00.000Z', '9223372036854775807']],
      },
      {
        id: 'omv',
        status: 'online',
        created_at: true,
        os_info: { version: '7.1' },
        metrics: [
          ['2026-01-18T10:00:00.000Z', '1152921504606846976'],
          ['2026-01-18T10:01:00.000Z', 1],
        ],
      },
    ],
  )
})

t.test('a second time there is nothing to adopt, and that is no failure', async t => {
  const { file, settings } = prepare(t, alembicSql)
  await runProgram(['adopt'], settings)
  const before = dump(file)
  t.match(await runProgram(['adopt'], settings), {
    exitCode: 0,
    stdout: '',
    events: [{ event: 'adopt.nothing', schema: '0002-create-metrics' }],
  })
  t.equal(dump(file), before)
})

t.test('nor in a database of its own, whose marker stays', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  t.match(await runProgram(['adopt', '--json'], settingsFor(folder)), {
    exitCode: 0,
    stdout: /"tool":null,"revision":null,"schema":"0003-add-os-info","recorded":\[\],"findings":\[\]/,
  })
  t.match(await runProgram([], settingsFor(folder)), { exitCode: 0, events: [{ event: 'up.nothing' }] })
})

t.test('nor in one of which every migration was taken back', async t => {
  const { settings } = prepare(
    t,
    'CREATE TABLE SequelizeMeta (name TEXT NOT NULL PRIMARY KEY, checksum TEXT); CREATE TABLE notes (x)',
  )
  t.match(await runProgram(['adopt'], settings), { exitCode: 0, events: [{ event: 'adopt.nothing' }] })
})

t.test("whatever Alembic's revisions are, the structure tells how far a database is", async t => {
  for (const [sql, told] of [
    ["UPDATE alembic_version SET version_num = '0123456789ab'", 'Alembic 0123456789ab'],
    ["INSERT INTO alembic_version VALUES ('0123456789ab')", 'Alembic 2e6e20f4bc94, 0123456789ab'],
    ['DELETE FROM alembic_version', 'Alembic'],
  ] as const) {
    const { settings } = prepare(t, `${alembicSql} ${sql}`)
    const { exitCode, stdout } = await runProgram(['adopt'], settings)
    t.equal(exitCode, 0)
    t.ok(stdout.includes(`made by ${told}, is at 0002-create-metrics`), stdout)
  }
})

for (const [title, sql, ...differences] of [
  [
    'a column that is missing',
    'ALTER TABLE metrics DROP COLUMN load_1m',
    'column metrics.load_1m missing: expected REAL, found nothing',
  ],
  [
    'another affinity',
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'cpu_percent FLOAT', 'cpu_percent VARCHAR(20)')",
    'column metrics.cpu_percent affinity: expected REAL (REAL), found TEXT (VARCHAR(20))',
  ],
  [
    'a trigger and a unique index on our tables',
    'CREATE TRIGGER r AFTER INSERT ON servers BEGIN SELECT 1; END; CREATE UNIQUE INDEX u ON servers (hostname)',
    'index u on servers extra: UNIQUE (hostname)',
    'trigger r extra: CREATE TRIGGER r AFTER INSERT ON servers BEGIN SELECT 1; END',
  ],
] as const) {
  t.test(`${title} is refused with 50 and named, and nothing is changed`, async t => {
    const { file, folder, settings } = prepare(t, `${alembicSql} ${sql}`)
    const before = dump(file)
    const outcome = await runProgram(['adopt'], settings)
    t.match(outcome, {
      exitCode: 50,
      failure: 'HISTORY_CONFLICT',
      stdout: /is at no migration; the nearest is 0002-create-metrics\ndifferences:\n/,
    })
    for (const difference of differences)
      t.ok(outcome.stderr.includes(JSON.stringify(difference).slice(1, -1)), difference)
    t.equal(dump(file), before)
    t.strictSame(readdirSync(folder), ['homelab.db'])
  })
}

t.test('whoever knows where it is can say so, whatever differs; what differs is told', async t => {
  const { file, settings } = prepare(t, `${alembicSql} ALTER TABLE metrics DROP COLUMN load_1m`)
  const before = dumpWithoutHistory(file)
  const outcome = await runProgram(['adopt', '--at', '2'], settings)
  t.match(outcome, {
    exitCode: 0,
    stdout: /is at 0002-create-metrics\ndifferences:\n +column metrics\.load_1m +missing/,
    events: [{ event: 'adopt.done', recorded: ['0001-create-servers', '0002-create-metrics'] }],
  })
  t.strictSame(dumpWithoutHistory(file), before)
  t.match(await runProgram([], settings), { exitCode: 0, events: [{}, { name: '0003-add-os-info' }, {}] })
  t.match(await runProgram(['verify'], settings), { exitCode: 53 }, 'what differs is still a drift')
  t.match(await runProgram(['adopt', '--at', '0001-create-servers'], settings), {
    exitCode: 2,
    stderr: /is already past 0001-create-servers: it is at 0003-add-os-info/,
  })
  t.match(await runProgram(['adopt', '--at', '0003'], settings), { exitCode: 0, events: [{ event: 'adopt.nothing' }] })
  t.match(await runProgram(['adopt', '--at', '0009'], settings), { exitCode: 2, failure: 'CONFIG_INVALID' })
})

/** As sequelize-cli's migrations make it, and record it. */
const sequelizeSql = `
  CREATE TABLE \`servers\` (\`id\` VARCHAR(255) PRIMARY KEY, \`hostname\` VARCHAR(255) NOT NULL, \`display_name\` VARCHAR(255),
    \`ip_address\` VARCHAR(255), \`status\` VARCHAR(255) DEFAULT 'unknown', \`os_distribution\` VARCHAR(255),
    \`os_version\` VARCHAR(255), \`kernel_version\` VARCHAR(255), \`architecture\` VARCHAR(255), \`tdp_watts\` INTEGER,
    \`last_seen\` DATETIME, \`created_at\` DATETIME DEFAULT CURRENT_TIMESTAMP, \`updated_at\` DATETIME DEFAULT CURRENT_TIMESTAMP);
  CREATE TABLE IF NOT EXISTS \`SequelizeMeta\` (\`name\` VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY);
  INSERT INTO servers (id, hostname) VALUES ('omv', 'omv.lan');`

t.test('names of sequelize-cli that are not ours are set aside and stay for it; up goes on', async t => {
  const { file, settings } = prepare(
    t,
    `${sequelizeSql} CREATE TABLE SequelizeData (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY);
     INSERT INTO SequelizeMeta VALUES ('20260118185800-create-servers.js'), ('20260119185800-add-columns.js')`,
  )
  const before = dumpWithoutHistory(file)
  t.match(await runProgram([], settings), { exitCode: 50, failure: 'HISTORY_CONFLICT', stderr: /migrator adopt/ })
  t.match(await runProgram(['adopt'], settings), {
    exitCode: 0,
    stdout: /made by sequelize-cli, is at 0001-create-servers\nfor information:\n/,
  })
  t.strictSame(dumpWithoutHistory(file), before)
  t.match(historyIn(file), [
    { name: '0001-create-servers', checksum: /^sha256:/, migrator: '1.0.0, adopted from sequelize-cli' },
    { name: '20260118185800-create-servers.js', checksum: null },
    { name: '20260119185800-add-columns.js', checksum: null },
  ])
  t.match(await runProgram([], settings), { exitCode: 0 })
  t.match(readJson(join(settings.DATABASE_URL.slice('sqlite:'.length), '../.ready')), {
    schema: '0003-add-os-info',
    migrations: 3,
  })
  t.match(await runProgram(['verify'], settings), { exitCode: 0 })
  t.match(await runProgram(['adopt'], settings), { exitCode: 0, events: [{ event: 'adopt.nothing' }] })
})

t.test('names that are ours need no adopting', async t => {
  const { settings } = prepare(t, `${sequelizeSql} INSERT INTO SequelizeMeta VALUES ('0001-create-servers.js')`)
  t.match(await runProgram(['adopt'], settings), { exitCode: 0, events: [{ event: 'adopt.nothing' }] })
  t.match(await runProgram([], settings), { exitCode: 0, events: [{}, { name: '0002-create-metrics' }, {}, {}] })
})

t.test('names of both kinds: ours stay applied, whatever the structure is like', async t => {
  const rows =
    "INSERT INTO SequelizeMeta VALUES ('0001-create-servers.js'), ('0002-create-metrics.js'), ('20260118185800-x.js')"
  const { file, settings } = prepare(t, `${sequelizeSql} ${rows}`)
  const before = dump(file)
  t.match(await runProgram(['adopt'], settings), {
    exitCode: 50,
    stdout: /the nearest is 0002-create-metrics/,
    stderr: /table metrics missing/,
  })
  t.equal(dump(file), before)
})

t.test('a table SequelizeMeta without a row is no history: the structure alone tells', async t => {
  const { file, settings } = prepare(t, sequelizeSql)
  t.match(await runProgram([], settings), { exitCode: 50, stderr: /migrator adopt/ })
  t.match(await runProgram(['adopt'], settings), { exitCode: 0 })
  t.match(historyIn(file), [{ name: '0001-create-servers', migrator: '1.0.0, adopted from another tool' }])
})

t.test('what our own migrations made is taken over where its history was lost, with nothing to tolerate', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const file = makeDatabase(folder, 'DROP TABLE SequelizeMeta')
  const { exitCode, stdout } = await runProgram(['adopt', '--json'], settingsFor(folder))
  t.equal(exitCode, 0)
  t.strictSame(JSON.parse(stdout), {
    database: file,
    tool: 'another tool',
    revision: null,
    schema: '0003-add-os-info',
    recorded: ['0001-create-servers', '0002-create-metrics', '0003-add-os-info'],
    findings: [],
  })
  t.equal(existsSync(join(folder, '.ready')), false, 'the marker told of another history')
  t.match(historyIn(file), [
    { name: '0001-create-servers' },
    { name: '0002-create-metrics' },
    { name: '0003-add-os-info' },
  ])
  t.match(await runProgram([], settingsFor(folder)), { exitCode: 0 })
})

t.test(
  'where the commit fails nothing is adopted, and the marker stays; a second try adopts and withdraws it',
  async t => {
    const folder = t.testdir()
    const settings = settingsFor(folder, { MIGRATOR_LOCK_TIMEOUT: '0' })
    await runProgram([], settings)
    const file = makeDatabase(folder, 'PRAGMA journal_mode = DELETE; DROP TABLE SequelizeMeta')
    const before = [dump(file), readdirSync(folder)]
    // with a rollback journal whoever reads lets another write, and not commit
    const reader = new Database(file, { readonly: true })
    reader.exec('BEGIN; SELECT * FROM servers')
    t.match(await runProgram(['adopt'], settings), { exitCode: 20, failure: 'DATABASE_BUSY' })
    reader.close()
    t.strictSame([dump(file), readdirSync(folder)], before)
    t.match(await runProgram(['adopt'], settings), { exitCode: 0, events: [{ event: 'adopt.done' }] })
    t.equal(existsSync(join(folder, '.ready')), false)
  },
)

t.test('a migration that changes rows alone is not taken for applied, and up runs it', async t => {
  const { folder, file, settings } = prepare(t, alembicSql + alembicRows)
  const migrations = join(folder, 'migrations')
  for (const name of ['0001-create-servers.ts', '0002-create-metrics.ts'])
    cpSync(join(firstThree, name), join(migrations, name))
  const rename = `UPDATE servers SET display_name = 'named'`
  writeFileSync(
    join(migrations, '0003-name-servers.js'),
    `export const up = s => s.context.sequelize.query("${rename}")`,
  )
  const more = { ...settings, MIGRATOR_MIGRATIONS: migrations }
  t.match(await runProgram(['adopt'], more), { exitCode: 0, stdout: /is at 0002-create-metrics/ })
  t.match(await runProgram([], more), { exitCode: 0, events: [{}, { name: '0003-name-servers' }, {}] })
  const connection = new Database(file)
  t.equal(connection.prepare('SELECT display_name FROM servers').pluck().get(), 'named')
  connection.close()
})

for (const [title, files] of [
  ['no file', {}],
  ['an empty file', { 'homelab.db': '' }],
] as const) {
  t.test(`${title} is nothing to adopt: 2, and nothing is made`, async t => {
    const folder = t.testdir(files)
    t.match(await runProgram(['adopt'], settingsFor(folder)), { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
    t.strictSame(readdirSync(folder), Object.keys(files))
  })
}

t.test('a database that is lost is refused with 30', async t => {
  t.match(await runProgram(['adopt'], settingsFor(t.testdir({ '.ready': '' }))), {
    exitCode: 30,
    failure: 'DATABASE_DAMAGED',
  })
})

t.test('a history that disagrees with the files is refused as up refuses it', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  makeDatabase(
    folder,
    "UPDATE SequelizeMeta SET name = '0009-next', checksum = 'sha256:9' WHERE name = '0003-add-os-info'",
  )
  t.match(await runProgram(['adopt'], settingsFor(folder)), { exitCode: 51, failure: 'DATABASE_AHEAD' })
})

t.test('a volume that is missing is refused with 10', async t => {
  const settings = settingsFor(join(t.testdir(), 'none'))
  t.match(await runProgram(['adopt'], settings), { exitCode: 10, failure: 'VOLUME_MISSING' })
})

t.test('another writer is waited for, and past the timeout it is refused with 20', async t => {
  const { file, settings } = prepare(t, alembicSql)
  const writer = new Database(file)
  writer.exec('BEGIN IMMEDIATE')
  const waiting = startProgram(['adopt'], settings)
  await new Promise(resolve => waiting.child.stderr.once('data', resolve))
  t.match(await runProgram(['adopt'], { ...settings, MIGRATOR_LOCK_TIMEOUT: '0' }), {
    exitCode: 20,
    failure: 'DATABASE_BUSY',
  })
  writer.exec('ROLLBACK')
  writer.close()
  t.match(await waiting.outcome, { exitCode: 0, events: [{ event: 'lock.waiting' }, { event: 'adopt.done' }] })
})

t.test('of four at once one adopts, and the others find nothing to do', async t => {
  const { file, settings } = prepare(t, alembicSql)
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => spawnProgram(['adopt'], settings)))
  t.strictSame(outcomes.map(({ exitCode, events }) => `${exitCode} ${events.at(-1)?.event}`).toSorted(), [
    '0 adopt.done',
    '0 adopt.nothing',
    '0 adopt.nothing',
    '0 adopt.nothing',
  ])
  t.equal(historyIn(file).length, 2)
})

t.test(
  'tables that only the hub needs are no migration: nothing is recorded, and up applies all beside them',
  async t => {
    const { file, settings } = prepare(t, "CREATE TABLE sessions (id); INSERT INTO sessions VALUES ('kept')")
    t.match(await runProgram([], settings), { exitCode: 50, stderr: /migrator adopt/ })
    t.match(await runProgram(['adopt'], settings), {
      exitCode: 0,
      stdout: /has no table of the migrations/,
      events: [{ event: 'adopt.done', schema: null, recorded: [] }],
    })
    t.match((await runProgram([], settings)).events.at(-1), { event: 'up.done', applied: 3 })
    const hub = new Database(file)
    t.strictSame(hub.prepare('SELECT id FROM sessions').pluck().all(), ['kept'])
    hub.exec('DROP TABLE sessions')
    hub.close()
    t.match(await runProgram(['wait', '--timeout', '0'], settings), { exitCode: 0 }, 'they are none of the marker')
  },
)

t.test('where the hub made the table of a pending migration it is recorded, if it is the same', async t => {
  const text = "export const up = ({ context }) => context.sequelize.query('CREATE TABLE scans (id INTEGER)')\n"
  const folder = t.testdir({ data: {}, migrations: { '0004-create-scans.js': text } })
  const [data, migrations] = [join(folder, 'data'), join(folder, 'migrations')]
  cpSync(firstThree, migrations, { recursive: true })
  for (const [column, exitCode] of [
    ['id INTEGER', 0],
    ['id TEXT', 50],
  ] as const) {
    rmSync(data, { recursive: true })
    mkdirSync(data)
    await runProgram([], settingsFor(data))
    const hub = new Database(join(data, 'homelab.db'))
    hub.exec(`CREATE TABLE scans (${column})`)
    hub.close()
    const settings = settingsFor(data, { MIGRATOR_MIGRATIONS: migrations })
    t.match(await runProgram([], settings), { exitCode: 40, stderr: /migrator adopt/ })
    t.match(await runProgram(['adopt'], settings), { exitCode }, column)
    t.match(await runProgram([], settings), { exitCode: exitCode === 0 ? 0 : 40 })
  }
})

const origin = (sql: string, hasForeignRows = false) => {
  const connection = new Database(':memory:')
  connection.exec(sql)
  const found = readOrigin(connection, hasForeignRows)
  connection.close()
  return originText(found)
}
const alembic = 'CREATE TABLE alembic_version (version_num TEXT PRIMARY KEY);'

for (const [title, sql, hasForeignRows, expected] of [
  [
    'Alembic is known by its table, with its revisions',
    `${alembic} INSERT INTO alembic_version VALUES ('a'), ('b')`,
    false,
    'Alembic a, b',
  ],
  ['Alembic may be at no revision', alembic, false, 'Alembic'],
  ['a table of that name with other columns is not its own', 'CREATE TABLE alembic_version (x)', false, 'another tool'],
  ['sequelize-cli is known by names that are not ours', '', true, 'sequelize-cli'],
  ['else it is another tool', '', false, 'another tool'],
] as const) {
  t.test(title, async t => t.equal(origin(sql, hasForeignRows), expected))
}
