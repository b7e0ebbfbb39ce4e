import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t from 'tap'
import { type MigrationReport, planText, toMigrationReport } from '../../src/commands/plan.ts'
import type { DryRunEnd, DryRunResult } from '../../src/dry-run/try.ts'
import { finding } from '../../src/lint/rules.ts'
import { withMount } from '../help/mount.ts'
import { migration, prepareVolume } from '../help/planned.ts'
import { dump, root, runProgram, startProgram } from '../help/program.ts'
import { recordStatements } from '../help/recorded.ts'

const statement = { asked: 'DELETE FROM a', sql: 'DELETE FROM a', rows: 0, milliseconds: 0.2, error: null }
const planned: MigrationReport = {
  name: '0001-a',
  statements: [],
  structure: [],
  tables: [],
  lost: [],
  milliseconds: 5,
  bytes: 4096,
  findings: [],
}
const lines = (more: Partial<MigrationReport>): readonly string[] =>
  planText({
    database: '/v/x.db',
    pending: ['0001-a'],
    migrations: [{ ...planned, ...more }],
    bytes: null,
    failure: null,
  })
    .trimEnd()
    .split('\n')
    .slice(3)

t.test('the first line says where, how many, and that it was tried', async t => {
  const nothing = { database: '/v/x.db', pending: [], migrations: [], bytes: null, failure: null }
  t.equal(planText(nothing), '/v/x.db: 0 pending\n')
  t.match(
    planText({ ...nothing, pending: ['0001-a', '0002-b'], migrations: [planned] }),
    /^\/v\/x\.db: 2 pending, tried on a copy\n/,
  )
})

t.test('a statement ends in one semicolon, and what is worth telling stands behind it', async t => {
  t.strictSame(lines({ statements: [statement] }), ['  DELETE FROM a;'])
  t.strictSame(lines({ statements: [{ ...statement, sql: 'DELETE\n  FROM a;', rows: 1, milliseconds: 1.6 }] }), [
    '  DELETE',
    '    FROM a;  -- 1 row, 2 ms',
  ])
  t.strictSame(lines({ statements: [{ ...statement, error: 'no\nluck' }] }), ['  DELETE FROM a;  -- failed: no luck'])
})

t.test('batches of one statement are told as one, with what they did together', async t => {
  const batch = [1, 2, 3].map(number => ({
    ...statement,
    asked: 'UPDATE a SET x = 1 WHERE id BETWEEN $first AND $last',
    sql: `UPDATE ${number}`,
    rows: 500,
    milliseconds: 0.5,
  }))
  t.strictSame(lines({ statements: [...batch, statement, statement] }), [
    '  UPDATE 1;  -- 3 times, 1,500 rows, 2 ms',
    '  DELETE FROM a;  -- 2 times',
  ])
})

t.test('statements of one text with other values each stand for themselves', async t => {
  const named = ['attic', 'prod-db'].map(id => ({
    ...statement,
    asked: 'DELETE FROM a WHERE id = $1',
    sql: `DELETE '${id}'`,
  }))
  t.strictSame(lines({ statements: named }), ["  DELETE 'attic';", "  DELETE 'prod-db';"])
})

t.test('the structure has a mark for each kind of change, and rows that come or go stand before and after', async t => {
  const structure = [
    { change: 'added', kind: 'table', name: 'b', detail: '1 column' },
    { change: 'removed', kind: 'view', name: 'view', detail: '' },
    { change: 'changed', kind: 'column', name: 'a.x', detail: 'TEXT -> REAL' },
  ] as const
  t.strictSame(lines({ structure }), [
    '  + table   b     1 column',
    '  - view    view',
    '  ~ column  a.x   TEXT -> REAL',
  ])
  const tables = [
    { name: 'same', before: 1, after: 1 },
    { name: 'less', before: 2, after: 1 },
    { name: 'new', before: null, after: 0 },
    { name: 'gone', before: 1000, after: null },
  ]
  t.strictSame(lines({ tables }), ['  less  2 rows -> 1 row', '  new   none -> 0 rows', '  gone  1,000 rows -> none'])
})

t.test('columns that have fewer values are told in a sentence each', async t => {
  const lost = [{ of: 'a.x', number: 2, text: 'a.x had 2 values and has 0 after it' }]
  t.strictSame(lines({ lost }), ['  a.x had 2 values and has 0 after it'])
})

t.test('of one that did not end no rows are told', async t => {
  const tables = [{ name: 'a', before: 7, after: null }]
  t.strictSame(lines({ tables, milliseconds: null, bytes: null }), [])
})

t.test('how long up will take is told by the copy, and by what was done on it', async t => {
  const whole = { database: '/v/x.db', pending: ['0001-a'], migrations: [planned], failure: null }
  const bytes = { growth: 0, journal: 20, backup: 3000 }
  t.match(
    planText({ ...whole, bytes, milliseconds: { backup: 1200, rest: 34 } }),
    /\nup will take about 1,234 ms, as on the copy: backup 1,200 ms, the rest 34 ms\n$/,
  )
})

t.test('what up will need is added up; what it would fail with, and what was not tried, is said', async t => {
  const whole = { database: '/v/x.db', pending: ['0001-a', '0002-b', '0003-c'], migrations: [planned] }
  t.match(
    planText({ ...whole, bytes: { growth: 1000, journal: 20, backup: 3000 }, failure: null }),
    /up will need 4\.02 kB on the volume: database 1 kB, journal 20 B, backup 3 kB\n$/,
  )
  const failure = { code: 'MIGRATION_FAILED', message: 'migration 0001-a failed: no', hint: 'Mend it.' }
  t.match(
    planText({ ...whole, migrations: [{ ...planned, milliseconds: null, bytes: null }], bytes: null, failure }),
    /\n0001-a: it did not end\n\nnot tried: 0002-b, 0003-c\n\nup would fail: migration 0001-a failed: no \(MIGRATION_FAILED\)\n$/,
  )
})

const needsRoot = { skip: process.getuid?.() !== 0 && 'needs root, to mount' }

const room = migration(`await schema.addColumn('servers', 'room', { type: DataTypes.TEXT })
  await run("UPDATE servers SET room = $1 WHERE id = 'omv'", { bind: ["the attic's"] })`)
const rack = migration(`await schema.createTable('racks', { id: { type: DataTypes.INTEGER, primaryKey: true } })
  await schema.backfill('UPDATE metrics SET load_5m = load_1m WHERE id BETWEEN $first AND $last', { table: 'metrics', batch: 30 })
  await schema.removeColumn('servers', 'kernel_version').catch(() => undefined)
  await schema.removeColumn('metrics', 'disk_used_gb')`)
/** With a rebuild, literals of all kinds, a transaction and what it rolls back. */
const much = migration(`await schema.changeColumn('servers', 'tdp_watts', { type: DataTypes.REAL, defaultValue: 1.5 })
  await schema.bulkInsert('servers', [{ id: 'x', hostname: "it's; -- x", created_at: new Date(7), status: null }])
  await run('INSERT INTO servers (id, hostname, tdp_watts, display_name) VALUES ($1, $2, $3, $4)', { bind: ['y', 'y', 0.1 + 0.2, Buffer.from([0, 1])] })
  const transaction = await schema.sequelize.transaction()
  await run("DELETE FROM servers WHERE id = 'x'", { transaction })
  await transaction.rollback()
  await schema.addConstraint('metrics', { type: 'foreign key', name: 'k', fields: ['server_id'], references: { table: 'servers', field: 'id' } })
  await run('CREATE TRIGGER touched AFTER UPDATE ON servers BEGIN UPDATE servers SET updated_at = 1; SELECT 1; END -- done')
  await run('INSERT INTO none VALUES (1)').catch(() => undefined)`)

/** What is different from run to run. */
const mask = (text: string, folder: string): string =>
  text
    .replaceAll(folder, 'FOLDER')
    .replaceAll(/(?: {2}--|,) \d+ ms$/gm, '')
    .replaceAll(/-- \d+ ms, /g, '-- ')
    .replaceAll(/[\d,]+ ms/g, 'N ms')
    .replaceAll(/[\d.]+ [kM]?B/g, 'N B')

t.test('the whole of it is as documented', async t => {
  const { folder, run, add, fill } = prepareVolume(t)
  await fill()
  add({ '0004-add-room.ts': room, '0005-make-racks.ts': rack })
  const { exitCode, stdout, stderr } = await run('plan')
  t.strictSame([exitCode, stderr], [0, ''])
  t.equal(
    mask(stdout, folder),
    `FOLDER/data/homelab.db: 2 pending, tried on a copy

0004-add-room: N ms, N B more
  ALTER TABLE \`servers\` ADD \`room\` TEXT;
  UPDATE servers SET room = 'the attic''s' WHERE id = 'omv';  -- 1 row
  + column  servers.room  TEXT

0005-make-racks: N ms, N B more
  CREATE TABLE IF NOT EXISTS \`racks\` (\`id\` INTEGER PRIMARY KEY);
  UPDATE metrics SET load_5m = load_1m WHERE id BETWEEN 1 AND 30;  -- 4 times, 100 rows
  ALTER TABLE "servers" DROP COLUMN "kernel_version";  -- failed: error in table servers after drop column: no such column: kernel_version
  ALTER TABLE "metrics" DROP COLUMN "disk_used_gb";
  + table   racks                 1 column
  - column  metrics.disk_used_gb  REAL
  racks  none -> 0 rows
  error DS103: up drops the column metrics.disk_used_gb
    ALTER TABLE "metrics" DROP COLUMN "disk_used_gb"
    Keep the column until nobody needs its values, or copy them first.

up will need N B on the volume: database N B, journal N B, backup N B
up will take about N ms, as on the copy: backup N ms, the rest N ms
`,
  )
})

t.test('--json has the same for machines', async t => {
  const { file, run, add, fill } = prepareVolume(t)
  await fill()
  add({ '0004-add-room.ts': room })
  const { exitCode, stdout } = await run('plan', '--json')
  t.equal(exitCode, 0)
  t.equal(stdout.trim().split('\n').length, 1)
  const shown = JSON.parse(stdout)
  t.match(shown, {
    database: file,
    pending: ['0004-add-room'],
    migrations: [
      {
        name: '0004-add-room',
        statements: [
          { sql: 'ALTER TABLE `servers` ADD `room` TEXT;', rows: 0, milliseconds: Number, error: null },
          {
            asked: "UPDATE servers SET room = $1 WHERE id = 'omv'",
            sql: "UPDATE servers SET room = 'the attic''s' WHERE id = 'omv'",
            rows: 1,
          },
        ],
        structure: [{ change: 'added', kind: 'column', name: 'servers.room', detail: 'TEXT' }],
        tables: [
          { name: 'metrics', before: 100, after: 100 },
          { name: 'servers', before: 2, after: 2 },
        ],
        lost: [],
        milliseconds: Number,
        bytes: Number,
        findings: [],
      },
    ],
    bytes: { growth: Number, journal: Number, backup: Number },
    milliseconds: { backup: Number, rest: Number },
    failure: null,
  })
  t.ok(shown.bytes.journal > 0, 'an UPDATE needs a journal')
  t.ok(shown.bytes.backup > 8192, 'a backup is made before')
})

t.test('the volume stays as it is, also one that is empty, and then everything is pending', async t => {
  const { data, run, fill, add, file } = prepareVolume(t)
  t.match(await run('plan'), { exitCode: 0, stdout: /3 pending.*\+ table {2}servers {2}13 columns/s })
  t.strictSame(readdirSync(data), [])
  await fill()
  add({ '0004-much.ts': much })
  const before = readFileSync(file)
  const entries = readdirSync(data)
  t.match(await run('plan'), { exitCode: 0, stdout: /1 pending/ })
  t.ok(before.equals(readFileSync(file)))
  t.strictSame(readdirSync(data), entries)
})

t.test('values that a rebuild leaves behind are told, as many as there are, and up does not ask', async t => {
  const { run, fill, add } = prepareVolume(t)
  await fill()
  add({
    '0004-rebuild.ts':
      migration(`await run('CREATE TABLE m2 (id INTEGER PRIMARY KEY, server_id TEXT, timestamp TEXT, load_1m REAL)')
      await run('INSERT INTO m2 (id, server_id, timestamp) SELECT id, server_id, timestamp FROM metrics')
      await run('DROP TABLE metrics')
      await run('ALTER TABLE m2 RENAME TO metrics')`),
  })
  const { exitCode, stdout } = await run('plan')
  t.equal(exitCode, 0)
  t.match(stdout, /\n {2}metrics\.load_1m had 100 values and has 0 after it\n/)
  t.match(stdout, /error HM105: up rebuilds metrics and does not copy metrics\.load_1m\n/)
  const [planned] = JSON.parse((await run('plan', '--json')).stdout).migrations
  t.match(planned.lost, [{ of: 'metrics.load_1m', number: 100, text: /had 100 values/ }])
  t.equal(planned.lost.length, 1)
  t.match(await run('up'), { exitCode: 0 })
})

t.test('with nothing pending it says so', async t => {
  const { file, run } = prepareVolume(t)
  await run('up')
  t.match(await run('plan'), { exitCode: 0, stdout: `${file}: 0 pending\n` })
  t.match(await run('plan', '--sql'), { exitCode: 0, stdout: `-- nothing is pending in ${file}\n` })
  const { stdout } = await run('plan', '--json')
  t.strictSame(JSON.parse(stdout), { database: file, pending: [], migrations: [], bytes: null, failure: null })
})

/** A database as text; when and how long things were applied is no difference. */
const content = (file: string): string =>
  dump(file)
    .replaceAll(/"duration_ms":(?:\d+|null)/g, '"duration_ms":0')
    .replaceAll(/"\d{4}-\d\d-\d\d[T ][\d:]{8}(?:\.\d{3}Z)?"/g, '"TIME"')

const cliHistory = `CREATE TEMP TABLE names AS SELECT name || '.js' AS name FROM SequelizeMeta; DROP TABLE SequelizeMeta;
  CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY);
  INSERT INTO SequelizeMeta SELECT name FROM names`

for (const [title, prepare] of [
  ['an empty volume', undefined],
  ['a volume with data', 'SELECT 1'],
  ['a volume that sequelize-cli made', cliHistory],
  [
    'a volume with a foreign key that cannot be checked',
    'PRAGMA foreign_keys = OFF; CREATE TABLE x (y); CREATE TABLE z (y REFERENCES x (y)); INSERT INTO z VALUES (NULL)',
  ],
] as const) {
  t.test(`--sql on ${title} makes of it what up makes, and up has nothing left to do`, async t => {
    const { folder, file, run, add, fill } = prepareVolume(t)
    const byHand = join(folder, 'by-hand.db')
    if (prepare !== undefined) {
      await fill()
      const connection = new Database(file)
      connection.exec(prepare)
      connection.pragma('wal_checkpoint(TRUNCATE)')
      connection.close()
      rmSync(join(folder, 'data/.ready'))
      copyFileSync(file, byHand)
    }
    add({ '0004-add-room.ts': room, '0005-make-racks.ts': rack, '0006-much.ts': much })
    const { exitCode, stdout } = await run('plan', '--sql')
    t.equal(exitCode, 0)
    const connection = new Database(byHand)
    connection.exec(stdout.replace(/^\.bail on\n/, ''))
    connection.close()
    t.match(await run('up'), { exitCode: 0 })
    t.equal(content(byHand), content(file))
    copyFileSync(byHand, file)
    t.match(await run('up'), { exitCode: 0, stderr: /nothing to apply/ })
    t.match(await run('status'), { stdout: /0 pending, ready/ })
  })
}

t.test('what a failing migration did is shown, and why up would fail', async t => {
  const { file, run, add, fill } = prepareVolume(t)
  await fill()
  const before = dump(file)
  add({
    '0004-add-room.ts': room,
    '0005-fail.ts': migration("await run('CREATE TABLE half (x)'); await run('INSERT INTO none VALUES (1)')"),
    '0006-add-rack.ts': rack,
  })
  const failed = { exitCode: 40, failure: 'MIGRATION_FAILED', stderr: /0005-fail failed at .*: no such table: none/ }
  const { stdout, ...outcome } = await run('plan')
  t.match(outcome, failed)
  t.match(
    stdout,
    /CREATE TABLE half \(x\);.*\n {2}INSERT INTO none VALUES \(1\); {2}-- .*failed: no such table: none\n/,
  )
  t.match(stdout, /not tried: 0006-add-rack\n\nup would fail: migration 0005-fail failed.* \(MIGRATION_FAILED\)\n$/)
  const json = await run('plan', '--json')
  t.match(json, failed)
  t.match(JSON.parse(json.stdout), {
    pending: ['0004-add-room', '0005-fail', '0006-add-rack'],
    migrations: [{ name: '0004-add-room' }, { name: '0005-fail', statements: [{ error: null }, { error: /none/ }] }],
    bytes: null,
    failure: { code: 'MIGRATION_FAILED', message: /0005-fail/, hint: String },
  })
  t.match(await run('plan', '--sql'), { ...failed, stdout: '' }, 'half a script is none')
  t.equal(dump(file), before)
})

t.test('rows that would be lost fail the plan as they fail up', async t => {
  const { run, add, fill } = prepareVolume(t)
  await fill()
  add({ '0004-lose.ts': migration("await run('DELETE FROM metrics WHERE id > 90')") })
  const outcome = await run('plan')
  t.match(outcome, {
    exitCode: 40,
    stdout: /-- 10 rows.*metrics {2}100 rows -> 90 rows.*up would fail: .*lost data/s,
  })
})

t.test('a migration that never settles is shown as far as it came', async t => {
  const { spawn, add } = prepareVolume(t)
  add({ '0004-stuck.ts': migration("await run('CREATE TABLE a (x)'); await new Promise(() => undefined)") })
  t.match(await spawn('plan'), {
    exitCode: 40,
    stdout: /0004-stuck: it did not end\n {2}CREATE TABLE a \(x\);.*never settles/s,
  })
  const { stdout } = await spawn('plan', '--json')
  t.match(JSON.parse(stdout).migrations[3], {
    milliseconds: null,
    bytes: null,
    tables: [{ name: 'metrics', before: 0, after: null }, {}],
  })
})

t.test('whatever up refuses is refused, before anything is tried', async t => {
  const { file, data, settings, run, add } = prepareVolume(t)
  const none = { ...settings, DATABASE_URL: 'sqlite:/none/x.db' }
  t.match(await runProgram(['plan'], none), { exitCode: 10, failure: 'VOLUME_MISSING', stdout: '' })
  const folder = { ...settings, DATABASE_URL: `sqlite:${data}` }
  t.match(await runProgram(['plan'], folder), { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
  await run('up')
  const refused = async (sql: string, failure: string, exitCode: number, ...words: readonly string[]) => {
    const connection = new Database(file)
    connection.exec(sql)
    connection.close()
    const outcome = await run('plan', ...words)
    t.match(outcome, { exitCode, failure, stderr: new RegExp(file) })
    if (words.includes('--json'))
      t.match(JSON.parse(outcome.stdout), { pending: [], bytes: null, failure: { code: failure, message: file } })
    else t.equal(outcome.stdout, '')
  }
  add({ '0004-add-room.ts': room })
  await refused("UPDATE SequelizeMeta SET checksum = 'sha256:0' WHERE name LIKE '0001%'", 'HISTORY_CONFLICT', 50)
  const newer =
    "UPDATE SequelizeMeta SET checksum = NULL; UPDATE SequelizeMeta SET name = '0009-z' WHERE name LIKE '0003%'"
  await refused(newer, 'DATABASE_AHEAD', 51, '--json')
  await refused("UPDATE SequelizeMeta SET name = '0004-add-room' WHERE name = '0009-z'", 'OUT_OF_ORDER', 52, '--sql')
  await refused('DROP TABLE SequelizeMeta', 'HISTORY_CONFLICT', 50)
  rmSync(file)
  t.match(
    await run('plan'),
    { exitCode: 30, failure: 'DATABASE_DAMAGED', stdout: '' },
    'a marker shows that it had data',
  )
  rmSync(join(data, '.ready'))
  add({ '0004-again.ts': room })
  t.match(await run('plan'), { exitCode: 50, failure: 'HISTORY_CONFLICT', stdout: '' }, 'two have one number')
})

t.test('a damaged database is refused under its own name, unless the check is switched off', async t => {
  const { file, tmp, settings, run, add, fill } = prepareVolume(t)
  await fill()
  add({ '0004-add-room.ts': room })
  const connection = new Database(file)
  connection.unsafeMode(true)
  connection.exec(`PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, '\`load_5m\` REAL', '\`load_5m\` REAL NOT NULL') WHERE name = 'metrics'`)
  connection.close()
  const damaged = { exitCode: 30, failure: 'DATABASE_DAMAGED', stdout: '', stderr: new RegExp(`${file} is damaged`) }
  t.match(await run('plan'), damaged)
  t.match(await runProgram(['plan'], { ...settings, MIGRATOR_CHECK: 'always' }), damaged)
  const unchecked = { ...settings, MIGRATOR_CHECK: 'never', MIGRATOR_BACKUP: 'never' }
  t.match(await runProgram(['plan'], unchecked), {
    exitCode: 0,
    stdout: /1 pending.*backup 0 B\nup will take about \d+ ms, as on the copy: backup 0 ms, /s,
  })
  t.strictSame(readdirSync(tmp), [])
})

t.test('it works while a hub writes, and what was committed is in it', async t => {
  const { file, run, add, fill } = prepareVolume(t)
  await fill()
  add({ '0004-add-room.ts': room })
  const hub = new Database(file)
  hub.exec("INSERT INTO servers (id, hostname) VALUES ('new', 'new.lan'); BEGIN IMMEDIATE; DELETE FROM metrics")
  t.match(await run('plan', '--json'), { exitCode: 0, stdout: /"metrics","before":100,.*"servers","before":3,/ })
  hub.exec('ROLLBACK')
  hub.close()
})

t.test('what a killed writer left is put together in the copy, and stays as it is', async t => {
  const { folder, data, file, run, add, fill } = prepareVolume(t)
  await fill()
  add({ '0004-add-room.ts': room })
  const hub = new Database(file)
  hub.exec("INSERT INTO servers (id, hostname) VALUES ('new', 'new.lan')")
  const killed = join(folder, 'killed')
  mkdirSync(killed)
  for (const suffix of ['', '-wal']) copyFileSync(file + suffix, join(killed, `homelab.db${suffix}`))
  hub.close()
  for (const entry of readdirSync(killed)) copyFileSync(join(killed, entry), join(data, entry))
  const entries = readdirSync(data)
  t.match(await run('plan', '--json'), { exitCode: 0, stdout: /"servers","before":3,/ })
  t.strictSame(readdirSync(data), entries)
})

t.test('a read-only mount is enough', needsRoot, async t => {
  const { data, run, add, fill } = prepareVolume(t)
  await fill()
  add({ '0004-add-room.ts': room })
  await withMount(data, ['--bind', '-o', 'ro', data], async () => {
    t.match(await run('plan', '--json'), { exitCode: 0, stdout: /"servers","before":2,/ })
  })
})

t.test('a temporary folder without room is refused with 11, before and while it fills', needsRoot, async t => {
  const { tmp, data, run, add, fill } = prepareVolume(t)
  await fill()
  const full = { exitCode: 11, failure: 'DISK_FULL', stderr: /temporary folder.*TMPDIR/ }
  add({
    '0004-grow.ts': migration(
      "await run('CREATE TABLE big (x)'); await run('INSERT INTO big VALUES (randomblob(3000000))')",
    ),
  })
  await withMount(tmp, ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs'], async () => {
    t.match(await run('plan'), { ...full, stdout: '' }, 'no room for a copy')
  })
  await withMount(tmp, ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs'], async () => {
    t.match(await run('plan'), { ...full, stdout: '' }, 'no room for what migrations make of it')
  })
  t.strictSame(readdirSync(data), ['.ready', 'homelab.db'])
})

t.test('a temporary folder that cannot be is refused with 2', async t => {
  const { settings } = prepareVolume(t)
  const outcome = await runProgram(['plan'], { ...settings, TMPDIR: '/none' })
  t.match(outcome, { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '', stderr: /TMPDIR/ })
})

t.test('--format github annotates what is found, what values go, and what fails', async t => {
  const { run, add, fill } = prepareVolume(t)
  await fill()
  t.match(await run('plan', '--format', 'github'), { exitCode: 0, stdout: '' })
  add({
    '0004-wipe.ts': migration("await run('UPDATE servers SET hostname = upper(hostname), status = NULL')"),
    '0005-drop.ts': "export const up = ({ context }) => context.removeColumn('servers', 'tdp_watts')\n",
    '../shared.ts': 'export const nothing = undefined\n',
    '0006-import.ts': "import { nothing } from '../shared.ts'\nexport const up = async () => nothing\n",
    '0007-fail.ts': migration("await run('DELETE FROM metrics WHERE id > 90')"),
  })
  const { exitCode, stdout } = await run('plan', '--format', 'github')
  t.equal(exitCode, 40)
  t.match(stdout, /^::error file=.*0005-drop\.ts,line=1,col=44,title=DS103::up drops the column servers\.tdp_watts/m)
  t.match(stdout, /^::error file=.*0006-import\.ts,title=HM501::it imports \.\.\/shared\.ts/m)
  t.match(
    stdout,
    /^::warning file=.*0004-wipe\.ts,title=plan::on this database: servers\.status had 2 values and has 0/m,
  )
  t.match(stdout, /^::error file=.*0007-fail\.ts,title=MIGRATION_FAILED::up would fail: .*lost data/m)
  t.strictSame(
    stdout.split('\n').filter(line => line !== '' && !/^::(?:error|warning) file=/.test(line)),
    [],
  )
})

t.test('--sql and --json together make no sense', async t => {
  const { run } = prepareVolume(t)
  t.match(await run('plan', '--sql', '--json'), { exitCode: 2, failure: 'CONFIG_INVALID', stdout: '' })
})

t.test('SIGTERM ends it with 143, and no copy is left', async t => {
  const { tmp, settings, add } = prepareVolume(t)
  add({ '0004-slow.ts': migration("console.error('at it'); await new Promise(done => setTimeout(done, 2000))") })
  const { child, outcome } = startProgram(['plan'], settings)
  child.stderr.once('data', () => child.kill('SIGTERM'))
  t.match(await outcome, { exitCode: 143, failure: 'SIGTERM', stdout: '' })
  t.strictSame(readdirSync(tmp), [])
})

t.test('a reader that leaves early is no error', async t => {
  const { settings } = prepareVolume(t)
  const { status, stdout } = spawnSync('sh', ['-c', `"${process.execPath}" bin/migrator.js plan --json | head -c 12`], {
    cwd: root,
    env: { ...process.env, ...settings },
    encoding: 'utf8',
  })
  t.strictSame([status, stdout], [0, '{"database":'])
})

const end: DryRunEnd = {
  after: [{ name: 'b', rows: 1 }],
  valuesAfter: [],
  milliseconds: 7.6,
  bytes: 4096,
  returned: true,
}
const tryOut = async (
  t: Parameters<typeof recordStatements>[0],
  statements: readonly string[],
  end: DryRunEnd | undefined,
): Promise<DryRunResult> => ({
  migration: {
    name: '0001-a',
    file: '',
    text: '',
    checksum: '',
    up: async () => undefined,
    down: undefined,
    removesRows: [],
  },
  recording: await recordStatements(t, 'CREATE TABLE a (x)', statements),
  before: [{ name: 'a', rows: 2 }],
  valuesBefore: [{ table: 'a', column: 'x', number: 2 }],
  end,
})
const statements = ['DROP TABLE a', 'CREATE TABLE b (x)', 'PRAGMA cache_size = 7']

t.test('a trial becomes what is shown: statements, structure, rows, findings', async t => {
  const planned = toMigrationReport(
    await tryOut(t, statements, end),
    [finding('HM502', 'calls Date.now', undefined)],
    '',
  )
  t.match(planned, {
    name: '0001-a',
    statements: [{ sql: 'DROP TABLE a', asked: 'DROP TABLE a', rows: 0, error: null }, {}, {}],
    structure: [
      { change: 'removed', kind: 'table', name: 'a' },
      { change: 'added', kind: 'table', name: 'b' },
    ],
    tables: [
      { name: 'a', before: 2, after: null },
      { name: 'b', before: null, after: 1 },
    ],
    lost: [],
    milliseconds: 8,
    bytes: 4096,
    findings: [
      { code: 'HM502', direction: null },
      { code: 'DS102', direction: 'up', level: 'error' },
      { code: 'HM202', level: 'warning' },
    ],
  })
  for (const { milliseconds } of planned.statements) t.equal(milliseconds, Number(milliseconds.toFixed(3)))
})

t.test('of one that failed only the statements are judged, of one that did not end there is no after', async t => {
  t.match(toMigrationReport(await tryOut(t, statements, { ...end, returned: false }), [], '').findings, [
    { code: 'HM202' },
  ])
  t.match(toMigrationReport(await tryOut(t, statements, undefined), [], ''), {
    tables: [{ name: 'a', before: 2, after: null }],
    milliseconds: null,
    bytes: null,
    findings: [{ code: 'HM202' }],
  })
})

t.test('columns with fewer values than before are told, unless as many rows went', async t => {
  const values = (table: string, number: number) => [{ table, column: 'x', number }]
  const rebuild = ['CREATE TABLE n (x)', 'INSERT INTO n SELECT x FROM a', 'DROP TABLE a', 'ALTER TABLE n RENAME TO a']
  for (const [title, statements, name, rows, number, lost] of [
    ['rebuilt, with NULL', rebuild, 'a', 2, 0, [{ of: 'a.x', number: 2, text: 'a.x had 2 values and has 0 after it' }]],
    ['renamed', ['ALTER TABLE a RENAME TO b'], 'b', 2, 1, [{ of: 'a.x', number: 1 }]],
    ['with a row that went', ['DELETE FROM a WHERE x = 1'], 'a', 1, 1, []],
    ['dropped', ['DROP TABLE a', 'CREATE TABLE b (x)'], 'b', 2, 0, []],
  ] as const) {
    const trial = await tryOut(t, statements, { ...end, after: [{ name, rows }], valuesAfter: values(name, number) })
    const planned = toMigrationReport(trial, [], '')
    t.match(planned.lost, lost, title)
    t.equal(planned.lost.length, lost.length, title)
    const failed = await tryOut(t, statements, { ...end, returned: false })
    t.strictSame(toMigrationReport(failed, [], '').lost, [])
  }
})

t.test('findings that the file silences are not there; that it silences too much is for lint to say', async t => {
  const text = '// lint-ok DS102: empty everywhere\n// lint-ok HM402: no down\n'
  t.match(toMigrationReport(await tryOut(t, ['DROP TABLE a'], end), [], text).findings, [])
  t.match(toMigrationReport(await tryOut(t, ['DROP TABLE a'], end), [], '// lint-ok DS102').findings, [
    { code: 'DS102' },
    { code: 'HM901' },
  ])
})
