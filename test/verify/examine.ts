/** What each check finds on a volume that was ready, and with which code. */
import { cpSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { Failure } from '../../src/failure.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import {
  absenceProblems,
  checks,
  damageProblems,
  historyProblems,
  markerProblems,
  runChecks,
  toProblems,
} from '../../src/verify/examine.ts'
import { makeContext } from '../help/context.ts'
import { readJson, runProgram, settingsFor } from '../help/program.ts'
import '../help/use-uri.ts'
import { firstThree } from '../help/first-three.ts'

/** Writes to a database as anybody can who has the file. */
const change = (file: string, sql: string): void => {
  const connection = new Database(file)
  connection.unsafeMode(true)
  connection.pragma('foreign_keys = OFF')
  connection.exec(sql)
  connection.close()
}

/** A volume that the program made ready, with a server and two metrics. */
const ready = t.testdir({})
await runProgram([], settingsFor(ready))
change(
  join(ready, 'homelab.db'),
  `INSERT INTO servers (id, hostname, status) VALUES ('omv', 'omv.lan', 'online');
   INSERT INTO metrics (server_id, timestamp) VALUES ('omv', '2026-01-18 10:00:00'), ('omv', '2026-01-18 10:01:00')`,
)

/** A copy of it, with the migrations that made it, then changed by SQL. */
const prepare = (t: Pick<Test, 'testdir'>, sql = '') => {
  const folder = t.testdir({ data: {}, migrations: {} })
  const [data, migrations] = [join(folder, 'data'), join(folder, 'migrations')]
  cpSync(ready, data, { recursive: true })
  cpSync(firstThree, migrations, { recursive: true })
  const file = join(data, 'homelab.db')
  change(file, sql)
  return {
    migrations,
    settings: settingsFor(data, { MIGRATOR_MIGRATIONS: migrations }),
    file,
    marker: join(data, '.ready'),
  }
}

/** Checks that found differences or could not be made, and a line for each finding. */
const look = async (settings: Readonly<Record<string, string>>) => {
  const context = await makeContext('/', settings)
  const { schema, results } = await runChecks(context, readMigrationFiles(context.config.migrations))
  const findings = checks.file.flatMap(check => results[check] ?? [])
  return {
    schema,
    failed: checks.file.filter(check => results[check]?.some(({ code }) => code !== null)),
    notMade: checks.file.filter(check => results[check] === undefined),
    findings: findings.map(
      ({ code, weight, object, what, expected, found }) =>
        `${code ?? weight} ${object} ${what}: ${expected ?? 'nothing'} -> ${found ?? 'nothing'}`,
    ),
  }
}
const sound = { schema: '0003-add-os-info', failed: [], notMade: [], findings: [] }
const withoutMarker = (lines: readonly string[]) => lines.filter(line => !line.startsWith('NOT_READY'))

t.test('a ready volume is sound', async t => {
  t.strictSame(await look(prepare(t).settings), sound)
})

for (const [title, sql, finding] of [
  ['a column that came', 'ALTER TABLE servers ADD COLUMN note TEXT', 'column servers.note extra: nothing -> TEXT'],
  ['a column that went', 'ALTER TABLE metrics DROP COLUMN load_1m', 'column metrics.load_1m missing: REAL -> nothing'],
  [
    'an index that went',
    'DROP INDEX idx_metrics_server_timestamp',
    'index idx_metrics_server_timestamp on metrics missing: (server_id, timestamp) -> nothing',
  ],
  [
    'a trigger that came',
    'CREATE TRIGGER r AFTER INSERT ON servers BEGIN SELECT 1; END',
    'trigger r extra: nothing -> CREATE TRIGGER r AFTER INSERT ON servers BEGIN SELECT 1; END',
  ],
  [
    'NOT NULL that was set',
    'ALTER TABLE servers ALTER COLUMN status SET NOT NULL',
    'column servers.status NULL: NULL -> NOT NULL',
  ],
  [
    'a CHECK that came',
    "ALTER TABLE servers ADD CONSTRAINT c CHECK (status <> '')",
    "table servers CHECK: nothing -> status <> ''",
  ],
  ['a table that went', 'DROP TABLE metrics', /^SCHEMA_DRIFT table metrics missing: id, server_id, .* -> nothing$/],
  [
    'a computed column with another expression',
    `ALTER TABLE servers DROP COLUMN os_info;
     ALTER TABLE servers ADD COLUMN os_info TEXT AS (json_object('version', os_version))`,
    /^SCHEMA_DRIFT column servers\.os_info computed: virtual json_object\(.* -> virtual json_object\('version', os_version\)$/,
  ],
] as const) {
  t.test(`${title} is drift, named with expected and found`, async t => {
    const { failed, findings } = await look(prepare(t, sql).settings)
    t.strictSame(failed, title === 'an index that went' ? ['structure'] : ['structure', 'marker'])
    t.match(withoutMarker(findings), [typeof finding === 'string' ? `SCHEMA_DRIFT ${finding}` : finding])
  })
}

t.test('what only the hub can check, as with a function of its own, is information', async t => {
  const { settings, file } = prepare(t)
  const connection = new Database(file)
  connection.function('fold', { deterministic: true }, String)
  connection.exec("CREATE TABLE mine (x TEXT); INSERT INTO mine VALUES ('a'); CREATE INDEX folded ON mine (fold(x))")
  connection.close()
  const { notMade, findings } = await look(settings)
  t.strictSame(notMade, [])
  t.match(withoutMarker(findings), [/^information \S+homelab\.db unchecked: nothing -> .*fold/, /table mine extra/])
})

t.test('tables, views and plain indexes of a person are information', async t => {
  const { settings } = prepare(
    t,
    'CREATE TABLE notes (note TEXT); CREATE VIEW noted AS SELECT note FROM notes; CREATE INDEX mine ON servers (hostname)',
  )
  const { failed, findings } = await look(settings)
  t.strictSame(failed, [])
  t.strictSame(withoutMarker(findings), [
    'information index mine on servers extra: nothing -> (hostname)',
    'information table notes extra: nothing -> note',
    'information view noted extra: nothing -> CREATE VIEW noted AS SELECT note FROM notes',
  ])
})

t.test('rows without their parent are a difference, and none of the structure', async t => {
  t.strictSame(await look(prepare(t, "DELETE FROM servers WHERE id = 'omv'").settings), {
    ...sound,
    failed: ['foreign keys'],
    findings: ['SCHEMA_DRIFT foreign keys of metrics to servers rows without a parent: 0 -> 2, the first with rowid 1'],
  })
})

t.test('a foreign key that SQLite itself finds wrong is one too, not a bug', async t => {
  const { settings } = prepare(
    t,
    `CREATE TABLE rooms (name TEXT); CREATE TABLE racks (room TEXT REFERENCES rooms (name)); INSERT INTO racks VALUES ('attic')`,
  )
  const { failed, findings } = await look(settings)
  t.strictSame(failed, ['foreign keys'])
  t.match(findings[0], /^SCHEMA_DRIFT foreign keys of racks check: possible -> foreign key mismatch/)
})

t.test('an index that does not match its table, which a quick check does not see, is damage', async t => {
  // the entries are those of another index
  const { settings } = prepare(
    t,
    `CREATE INDEX other ON metrics (server_id, id); PRAGMA writable_schema = ON;
     UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'other')
     WHERE name = 'idx_metrics_server_timestamp'; DELETE FROM sqlite_schema WHERE name = 'other'`,
  )
  const { failed, findings } = await look(settings)
  t.strictSame(failed, ['damage'])
  t.match(findings, [/^DATABASE_DAMAGED (\/.*\/homelab\.db) damage: nothing -> \1 is damaged: .*missing from index/])
})

t.test('a table that cannot be read does not keep history, structure and marker from being looked at', async t => {
  const { settings, file, marker } = prepare(
    t,
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     INSERT INTO metrics (server_id, timestamp) SELECT 'omv', i FROM n`,
  )
  rmSync(marker)
  const bytes = readFileSync(file)
  const kept = 64 * 1024
  writeFileSync(file, Buffer.concat([bytes.subarray(0, kept), Buffer.alloc(bytes.length - kept)]))
  const { failed, notMade, findings } = await look(settings)
  t.strictSame([failed, notMade], [['damage', 'marker'], ['foreign keys']])
  t.match(findings, [/^DATABASE_DAMAGED/, /^NOT_READY ready marker missing/])
})

for (const [title, spoil] of [
  ['is cut off', (file: string) => truncateSync(file, 5000)],
  ['is no database', (file: string) => writeFileSync(file, 'no database'.repeat(1000))],
  ['is empty, beside a marker', (file: string) => truncateSync(file, 0)],
  ['is gone, beside a marker', (file: string) => rmSync(file)],
] as const) {
  t.test(`of a file that ${title} there is only damage to tell`, async t => {
    const { settings, file, marker } = prepare(t)
    spoil(file)
    const { schema, failed, notMade, findings } = await look(settings)
    t.strictSame([schema, failed, notMade], [null, ['damage'], ['foreign keys', 'history', 'structure', 'marker']])
    t.match(findings, [/^DATABASE_DAMAGED .* damage/])
    t.equal(existsSync(marker), true, 'it only reads')
  })
}

t.test('a volume without anything is not ready', async t => {
  const { failed, notMade, findings } = await look(settingsFor(t.testdir()))
  t.strictSame([failed, notMade], [['marker'], ['damage', 'foreign keys', 'history', 'structure']])
  t.match(findings, [/^NOT_READY .*homelab\.db missing/])
})

t.test('nor is one whose marker is missing, or not true', async t => {
  const { settings, marker } = prepare(t)
  const truth = readJson(marker)
  rmSync(marker)
  t.strictSame(await look(settings), {
    ...sound,
    failed: ['marker'],
    findings: ['NOT_READY ready marker missing: a true one -> nothing'],
  })
  writeFileSync(marker, JSON.stringify({ ...truth, schema: '0002-create-metrics', migrations: 2 }))
  t.strictSame(await look(settings), {
    ...sound,
    failed: ['marker'],
    findings: [
      'NOT_READY ready marker schema: 0003-add-os-info -> 0002-create-metrics',
      'NOT_READY ready marker migrations: 3 -> 2',
    ],
  })
})

t.test('pending migrations are no drift, and are not run: the structure is that of the applied ones', async t => {
  const { settings, migrations } = prepare(t)
  writeFileSync(join(migrations, '0004-create-rooms.js'), 'this is no JavaScript')
  t.strictSame(await look(settings), {
    ...sound,
    findings: ['information 0004-create-rooms pending: nothing -> nothing'],
  })
})

t.test('a migration that changed is a conflict, and the structure is still compared', async t => {
  const { settings, migrations } = prepare(t, 'DROP INDEX idx_metrics_server_timestamp')
  const file = join(migrations, '0001-create-servers.ts')
  writeFileSync(file, `// a word more\n${readFileSync(file, 'utf8')}`)
  const { failed, findings } = await look(settings)
  t.strictSame(failed, ['history', 'structure'])
  t.match(findings, [/^HISTORY_CONFLICT 0001-create-servers/, /^SCHEMA_DRIFT index/])
})

for (const [title, sql, finding] of [
  [
    'a newer image was here',
    "name = '0009-next', checksum = 'sha256:9' WHERE name = '0003-add-os-info'",
    /^DATABASE_AHEAD 0009-next/,
  ],
  ['a file is gone', "name = '0002-old' WHERE name = '0002-create-metrics'", /^HISTORY_CONFLICT 0002-old/],
] as const) {
  t.test(`where ${title} the structure cannot be compared`, async t => {
    const { failed, notMade, findings } = await look(prepare(t, `UPDATE SequelizeMeta SET ${sql}`).settings)
    t.strictSame([failed, notMade], [['history', 'marker'], ['structure']])
    t.match(findings[0], finding)
  })
}

t.test('an order that is not that of the numbers is told as such', async t => {
  const { findings } = await look(prepare(t, "DELETE FROM SequelizeMeta WHERE name = '0002-create-metrics'").settings)
  t.match(findings, [/^OUT_OF_ORDER 0002-create-metrics/])
})

t.test('so is a database that another program made', async t => {
  const { findings } = await look(prepare(t, 'DROP TABLE SequelizeMeta').settings)
  t.match(findings[0], /^HISTORY_CONFLICT table metrics history: nothing -> was made by another program/)
})

t.test('a database of which every migration was taken back has nothing that differs', async t => {
  const { settings } = prepare(t, 'DROP TABLE metrics; DROP TABLE servers; DELETE FROM SequelizeMeta')
  const { schema, failed } = await look(settings)
  t.strictSame([schema, failed], [null, ['marker']])
})

t.test('what another tool does otherwise is tolerated, where it applied one migration at least', async t => {
  const without = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, ' AUTOINCREMENT', '')"
  const { settings, file } = prepare(t, without)
  t.match(withoutMarker((await look(settings)).findings), [/^SCHEMA_DRIFT table metrics AUTOINCREMENT: yes -> no$/])
  change(file, "UPDATE SequelizeMeta SET migrator = NULL, checksum = NULL WHERE name = '0001-create-servers'")
  t.match(withoutMarker((await look(settings)).findings), [/^tolerated table metrics AUTOINCREMENT: yes -> no$/])
})

t.test('a database that another writer holds is busy', async t => {
  const { settings, file } = prepare(t, 'PRAGMA journal_mode = DELETE')
  const writer = new Database(file)
  writer.exec('BEGIN EXCLUSIVE')
  await t.rejects(look(settings), { code: 'DATABASE_BUSY' })
  writer.close()
})

t.test('an applied migration that cannot be run on an empty database is named', async t => {
  const { settings, migrations } = prepare(t)
  const failing = "export const up = () => Promise.reject(new Error('out of luck'))"
  writeFileSync(join(migrations, '0002-create-metrics.ts'), failing)
  await t.rejects(look(settings), { code: 'MIGRATION_FAILED', message: /0002-create-metrics/ })
})

const finding = { object: 'column a.x', what: 'default', expected: '1', found: '2' } as const
const truth = { schema: '0001-a', migrations: 1, database: 'x.db', fingerprint: 'sha256:1' }
const marker = { ...truth, checkedAt: null, readyAt: '2026-01-01T00:00:00.000Z', version: '1.0.0', seen: '1-1' }

t.test('a difference gets code and hint, what does no harm gets neither', async t => {
  t.strictSame(toProblems('structure', 'SCHEMA_DRIFT', 'Mend it.', [{ weight: 'difference', ...finding }]), [
    { check: 'structure', code: 'SCHEMA_DRIFT', weight: 'difference', ...finding, hint: 'Mend it.' },
  ])
  for (const weight of ['tolerated', 'information'] as const)
    t.match(toProblems('structure', 'SCHEMA_DRIFT', 'Mend it.', [{ weight, ...finding }]), [
      { code: null, weight, hint: null },
    ])
})

t.test('damage is told as the failure has it', async t => {
  t.match(damageProblems('x.db', new Failure('DATABASE_DAMAGED', 'x.db is damaged', 'Restore it.')), [
    { check: 'damage', code: 'DATABASE_DAMAGED', object: 'x.db', found: 'x.db is damaged', hint: 'Restore it.' },
  ])
})

t.test('each conflict of the history keeps its code, and pending is information', async t => {
  const conflicts = [{ code: 'OUT_OF_ORDER', name: '0001-a', finding: 'is pending', hint: 'Mend it.' }] as const
  t.match(historyProblems(conflicts, [{ name: '0002-b', file: '/m/0002-b.ts', text: '', checksum: '' }]), [
    { code: 'OUT_OF_ORDER', weight: 'difference', object: '0001-a', found: 'is pending', hint: 'Mend it.' },
    { code: null, weight: 'information', object: '0002-b', what: 'pending' },
  ])
})

t.test('a true marker is no finding; one that is missing, or not true in a field, is', async t => {
  t.strictSame(markerProblems(marker, truth), [])
  t.match(markerProblems(undefined, truth), [{ code: 'NOT_READY', what: 'missing', found: null }])
  t.match(markerProblems({ ...marker, migrations: 2 }, truth), [
    { code: 'NOT_READY', what: 'migrations', expected: '1', found: '2' },
  ])
})

t.test('a volume without a database is not ready', async t => {
  t.match(absenceProblems('x.db'), [{ check: 'marker', code: 'NOT_READY', object: 'x.db', what: 'missing' }])
})
