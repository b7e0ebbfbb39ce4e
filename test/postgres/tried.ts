/** The commands that try migrations on a server: verify, down, plan, lint, adopt, repair, and the schema as a picture. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { lintOnServer } from '../../src/lint/lint-on-server.ts'
import { readMigrationFiles } from '../../src/migrations/files.ts'
import { makeFolder, makeServerContext, runCommand, until } from '../help/on-server.ts'
import { sharedServer } from '../help/postgres.ts'
import { startProgram } from '../help/program.ts'
import { startProxy } from '../help/proxy.ts'

const server = await sharedServer()

const migrated = async (): Promise<string> => {
  const url = await server.makeDatabase()
  await runCommand(url, 'up')
  return url
}

/** The databases that a run left behind. */
const scratches = () =>
  server.run(server.urlOf('postgres'), "SELECT FROM pg_database WHERE datname LIKE 'migrator_scratch%'")

t.test('what a killed plan left behind goes with the next run, and what a living one uses stays', async t => {
  const url = await migrated()
  const slow = makeFolder(t, 'await query("SELECT pg_sleep(600)")')
  const environment = { DATABASE_URL: url, MIGRATOR_MIGRATIONS: slow }
  await server.run(url, 'DELETE FROM "SequelizeMeta"', 'DROP TABLE metrics, servers')
  const [killed, living] = [startProgram(['plan'], environment), startProgram(['plan'], environment)]
  const trying = "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
  await until(async () => (await server.run(url, trying)).length === 2)
  killed.child.kill('SIGKILL')
  await killed.outcome
  t.equal((await scratches()).length, 2)
  // of another hub on the same server
  t.notOk((await runCommand(await migrated(), 'verify')).events.some(({ event }) => event === 'scratch.removed'))
  const next = await runCommand(url, 'plan', makeFolder(t, 'await query("SELECT 1")'))
  t.match(next, { exitCode: 0, error: undefined })
  t.equal(next.events.filter(({ event }) => event === 'scratch.removed').length, 1)
  t.equal((await scratches()).length, 1)
  living.child.kill('SIGTERM')
  await living.outcome
  t.strictSame(await scratches(), [])
})

t.test('verify finds a migrated database sound, and leaves nothing behind', async t => {
  const url = await migrated()
  const { exitCode, stdout, error } = await runCommand(url, 'verify --json')
  t.match({ exitCode, error }, { exitCode: 0, error: undefined })
  t.match(JSON.parse(stdout), {
    schema: '0003-add-os-info',
    code: null,
    findings: [],
    checks: ['history', 'structure', 'indexes', 'constraints', 'ownership'].map(check => ({ check, result: 'passed' })),
  })
  t.strictSame(await scratches(), [])
})

for (const [title, statement, finding] of [
  [
    'a column of another type',
    'ALTER TABLE servers ALTER COLUMN tdp_watts TYPE numeric',
    { object: 'column servers.tdp_watts', what: 'type' },
  ],
  [
    'a column that is not of the migrations',
    'ALTER TABLE servers ADD COLUMN room text COLLATE "C"',
    { object: 'column servers.room', what: 'extra', found: 'text COLLATE "C"' },
  ],
  [
    'a column that numbers its rows',
    'ALTER TABLE servers ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY',
    { object: 'column servers.number', what: 'extra', found: 'bigint GENERATED ALWAYS AS IDENTITY NOT NULL' },
  ],
  [
    'a column of another collation',
    'ALTER TABLE servers ALTER COLUMN hostname TYPE text COLLATE "C"',
    { object: 'column servers.hostname', what: 'collation', found: '"C"' },
  ],
  [
    'a trigger that is not of the migrations',
    'CREATE TRIGGER t BEFORE UPDATE ON servers FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    { object: 'trigger servers.t', what: 'extra' },
  ],
  [
    'a column that is numbered otherwise',
    "CREATE SEQUENCE s; ALTER TABLE metrics ALTER id DROP IDENTITY, ALTER id SET DEFAULT nextval('s')",
    { object: 'column metrics.id', what: 'numbering', expected: 'BY DEFAULT AS IDENTITY', found: 'a sequence' },
  ],
  [
    'a constraint of another name',
    'ALTER TABLE metrics RENAME CONSTRAINT metrics_server_id_fkey TO of_server',
    { object: 'constraint metrics.metrics_server_id_fkey', what: 'name', found: 'of_server' },
  ],
  ['a table that is gone', 'DROP TABLE metrics', { object: 'table metrics', what: 'missing' }],
  [
    'an index that is gone',
    'DROP INDEX idx_metrics_server_timestamp',
    { object: 'index idx_metrics_server_timestamp', what: 'missing' },
  ],
  [
    'an index of another name',
    'ALTER INDEX idx_metrics_server_timestamp RENAME TO by_time',
    { object: 'index idx_metrics_server_timestamp', what: 'name', found: 'by_time' },
  ],
  [
    'a constraint that is not valid',
    'ALTER TABLE servers ADD CONSTRAINT c CHECK (length(id) < 9) NOT VALID',
    { check: 'constraints', what: 'not valid' },
  ],
  [
    'an index whose build failed',
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'idx_metrics_server_timestamp'::regclass",
    { check: 'indexes', what: 'invalid' },
  ],
] as const) {
  t.test(`verify finds ${title}`, async t => {
    const url = await migrated()
    await server.run(url, statement)
    const { exitCode, stdout } = await runCommand(url, 'verify --json')
    const { code, findings } = JSON.parse(stdout)
    t.match({ exitCode, code }, { exitCode: 53, code: 'SCHEMA_DRIFT' })
    t.match(
      findings.find((found: { object: string; what: string }) => found.what === finding.what),
      finding,
    )
  })
}

t.test('verify tells a computed column that is not stored from one that is', async t => {
  const url = await migrated()
  const [version] = await server.run(url, "SELECT current_setting('server_version_num')::int AS number")
  if (Number(version?.number) < 180_000) return t.pass('before PostgreSQL 18 all are stored', { skip: true })
  await server.run(
    url,
    'ALTER TABLE servers DROP COLUMN os_info, ADD COLUMN os_info text GENERATED ALWAYS AS (id) VIRTUAL',
    'ALTER TABLE servers ADD COLUMN more text GENERATED ALWAYS AS (id) VIRTUAL',
  )
  t.match(JSON.parse((await runCommand(url, 'verify --json')).stdout).findings, [
    { object: 'column servers.os_info', what: 'computed', expected: /^STORED/, found: 'VIRTUAL id' },
    { object: 'column servers.more', what: 'extra', found: 'text GENERATED ALWAYS AS (id) VIRTUAL' },
  ])
})

t.test('verify finds a database before any migration sound, with an object of its own', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE SEQUENCE mine')
  const { exitCode, stdout } = await runCommand(url, 'verify --json')
  t.equal(exitCode, 0)
  const { schema, findings } = JSON.parse(stdout)
  t.equal(schema, null)
  t.match(findings.at(-1), { check: 'structure', weight: 'information', object: 'sequence mine', what: 'extra' })
})

t.test('verify compares no structure where a migration is unknown, and names one that fails', async t => {
  const url = await server.makeDatabase()
  await runCommand(url, 'up', makeFolder(t, table, columns))
  const ahead = await runCommand(url, 'verify --json', makeFolder(t, table))
  t.match(JSON.parse(ahead.stdout), {
    ...{ schema: '0002-b', code: 'DATABASE_AHEAD' },
    checks: [{ result: 'failed' }, { check: 'structure', result: 'not made' }, { result: 'passed' }],
  })
  const fails = makeFolder(t, table.replace('CREATE TABLE t', 'CREATE TABLE nowhere.t'), columns)
  t.match(await runCommand(url, 'verify', fails), {
    exitCode: 40,
    error: { code: 'MIGRATION_FAILED', message: /^migration 0001-a failed at .* schema "nowhere" does not exist/ },
  })
})

t.test('a user that may not make a database checks the rest, and is told which GRANT or setting helps', async t => {
  const url = await migrated()
  await server.run(url, 'CREATE ROLE no_creator LOGIN', 'GRANT USAGE ON SCHEMA public TO no_creator')
  await server.run(url, 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO no_creator', 'CREATE TABLE more (id text)')
  const asPlain = url.replace('postgres@', 'no_creator@')
  const refused = await runCommand(asPlain, 'verify --json')
  t.match(refused, { exitCode: 12, failure: 'PRIVILEGE_MISSING' })
  t.match(JSON.parse(refused.stdout), {
    checks: [{}, { check: 'structure', result: 'not made' }, {}, {}, { result: 'failed' }],
  })
  await server.run(
    url,
    'ALTER TABLE metrics OWNER TO no_creator',
    'ALTER TABLE servers OWNER TO no_creator',
    'ALTER TABLE more OWNER TO no_creator',
  )
  await server.run(
    url,
    'ALTER TABLE "SequelizeMeta" OWNER TO no_creator',
    'GRANT CREATE ON SCHEMA public TO no_creator',
  )
  const { failure, error } = await runCommand(asPlain, 'verify')
  t.match({ failure, error }, { failure: 'PRIVILEGE_MISSING', error: { hint: /CREATEDB.*MIGRATOR_SCRATCH_URL/ } })
})

t.test('with MIGRATOR_SCRATCH_URL migrations are tried there, and it stays as it was', async t => {
  const url = await migrated()
  const scratch = await server.makeDatabase()
  await server.run(scratch, 'CREATE TABLE mine (id integer)', 'INSERT INTO mine VALUES (1)')
  t.match(await runCommand(url, 'verify', undefined, { MIGRATOR_SCRATCH_URL: scratch }), { exitCode: 0 })
  t.strictSame(await server.run(scratch, 'SELECT * FROM mine'), [{ id: 1 }])
  const same = await runCommand(url, 'verify', undefined, { MIGRATOR_SCRATCH_URL: url })
  t.match(same, { exitCode: 2, error: { message: /MIGRATOR_SCRATCH_URL is the database that DATABASE_URL names/ } })
  const wrong = await runCommand(url, 'verify', undefined, { MIGRATOR_SCRATCH_URL: 'mysql://secret' })
  t.match(wrong, { exitCode: 2, error: { message: /^MIGRATOR_SCRATCH_URL is not valid/ } })
  t.notMatch(String(wrong.error), /secret/)
  const nobody = await runCommand(url, 'verify', undefined, { MIGRATOR_SCRATCH_URL: 'postgres://h@127.0.0.1:1/clone' })
  t.match(nobody, { exitCode: 10, error: { message: /^postgres:\/\/127\.0\.0\.1:1\/clone cannot be reached/ } })
})

t.test('a clone in which another migrator tries something is waited for', async t => {
  const [url, clone] = [await migrated(), await server.makeDatabase()]
  const other = new Client({ connectionString: clone })
  await other.connect()
  t.teardown(() => other.end())
  await other.query("BEGIN; SELECT pg_advisory_xact_lock(hashtext('homelab-migrator'), hashtext('public'))")
  const settings = { MIGRATOR_SCRATCH_URL: clone }
  const busy = await runCommand(url, 'verify', undefined, { ...settings, MIGRATOR_LOCK_TIMEOUT: '0' })
  t.match(busy, { exitCode: 20, failure: 'DATABASE_BUSY' })
  const waiting = runCommand(url, 'verify', undefined, settings)
  const refused = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query = 'ROLLBACK'"
  await until(async () => (await server.run(clone, refused)).length > 0)
  await other.query('COMMIT')
  t.match(await waiting, { exitCode: 0, events: [{ event: 'lock.waiting', database: /test_/ }] })
})

t.test('a server that is lost while a database for trying is made cannot be reached', async t => {
  const url = await migrated()
  const proxy = await startProxy(server.port, sent => (sent.includes('CREATE DATABASE') ? 'before' : undefined))
  t.teardown(proxy.stop)
  const outcome = await runCommand(url.replace(`:${server.port}/`, `:${proxy.port}/`), 'verify')
  t.match(outcome, { exitCode: 10, failure: 'DATABASE_UNREACHABLE' })
})

/** Two migrations, of which the second drops a column and changes another. */
const table = `export const down = async ({ context }) => { await context.dropTable('t') }
export const up = async ({ context }) => {
  await context.sequelize.query('CREATE TABLE t (id bigint PRIMARY KEY, v integer, w text)')
}
`
const columns = `export const down = async ({ context }) => {
  await context.sequelize.query('ALTER TABLE t DROP COLUMN n')
  await context.sequelize.query("UPDATE t SET w = 'x' WHERE id = 1")
}
export const up = async ({ context }) => {
  await context.sequelize.query('CREATE INDEX i ON t (w)')
  await context.sequelize.query('ALTER TABLE t ADD COLUMN n integer')
  await context.sequelize.query('ALTER TABLE t ALTER COLUMN v TYPE text')
}
`

t.test('down shows what would be lost, names the place to recover to, asks, and undoes', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, table, columns)
  await runCommand(url, 'up', folder)
  await server.run(url, "INSERT INTO t VALUES (1, 'a', 'b', 7), (2, 'a', 'b', NULL)")
  const asked = await runCommand(url, 'down', folder)
  t.match(asked, {
    exitCode: 2,
    error: {
      message:
        /0002-b will be undone in .*, without a backup: to have it back, recover the server to LSN [0-9A-F]+\/[0-9A-F]+, \d{4}-.* UTC/,
    },
  })
  t.match(asked.stdout, /tried and rolled back/)
  t.match(asked.stdout, /- column +t\.n +integer/)
  t.match(asked.stdout, /t\.n had 1 value and has 0 after it/)
  t.match(asked.stdout, /wrote over or deleted up to 1 row/)
  t.strictSame(await server.run(url, 'SELECT count(n)::int AS n FROM t'), [{ n: 1 }])
  const done = await runCommand(url, 'down --yes', folder)
  t.match(done, {
    exitCode: 0,
    events: [
      { event: 'down.point', lsn: /\//, recoverTo: /^\d{4}-/ },
      { event: 'down.done', schema: '0001-a', undone: ['0002-b'] },
    ],
  })
  t.match(JSON.parse((await runCommand(url, 'status --json', folder)).stdout), { applied: 1, pending: 1 })
  const all = await runCommand(url, 'down --yes', folder)
  t.match(all, { exitCode: 0, stdout: /t had 2 rows and has 0 after it/ })
  t.match(await runCommand(url, 'down --yes', folder), { exitCode: 0, events: [{ event: 'down.nothing' }] })
})

t.test('a down that fails changes nothing', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, table.replace("context.dropTable('t')", "context.dropTable('nothing')"))
  await runCommand(url, 'up', folder)
  t.match(await runCommand(url, 'down --yes', folder), { exitCode: 40, failure: 'MIGRATION_FAILED' })
  t.match(JSON.parse((await runCommand(url, 'status --json', folder)).stdout), { applied: 1 })
})

t.test(
  "plan shows the locks of each statement and the tables that it writes anew, with the size in the hub's database",
  async t => {
    const url = await server.makeDatabase()
    const first = makeFolder(t, table)
    await runCommand(url, 'up', first)
    await server.run(url, "INSERT INTO t SELECT i, i, 'w' FROM generate_series(1, 20000) AS i")
    const both = makeFolder(t, table, columns)
    const { exitCode, stdout, error } = await runCommand(url, 'plan --json', both)
    t.match({ exitCode, error }, { exitCode: 0, error: undefined })
    const { scratch, migrations } = JSON.parse(stdout)
    t.equal(scratch, 'empty')
    const [index, add, change] = migrations[0].statements
    t.match(add, { locks: [{ table: 't', mode: 'AccessExclusiveLock' }], rewrites: [] })
    t.match(change.rewrites, [{ table: 't' }])
    t.ok(change.rewrites[0].bytes > 500_000)
    t.match(index, { locks: [{ table: 't', mode: 'ShareLock' }] })
    t.match(migrations[0].findings.map(({ code }: { code: string }) => code).sort(), [
      'changing-column-type',
      'require-concurrent-index-creation',
    ])
    const text = (await runCommand(url, 'plan', both)).stdout
    t.match(text, /1 pending, tried in a new database without rows/)
    t.match(text, /AccessExclusiveLock of t/)
    t.match(text, /rewrites t, [\d.]+ MB now/)
    t.strictSame(await scratches(), [])
    t.match(JSON.parse((await runCommand(url, 'status --json', first)).stdout), { applied: 1 })
  },
)

t.test('plan in a clone counts rows and finds what fails on them; a clone at another migration is refused', async t => {
  const url = await server.makeDatabase()
  const required = "await query('ALTER TABLE t ADD COLUMN n integer NOT NULL')"
  const both = makeFolder(t, table, required)
  await runCommand(url, 'up', makeFolder(t, table))
  const clone = await server.makeDatabase()
  const settings = { MIGRATOR_SCRATCH_URL: clone }
  const other = await runCommand(url, 'plan', both, settings)
  t.match(other, {
    exitCode: 2,
    failure: 'CONFIG_INVALID',
    error: { message: /is at no migration, and the hub's at 0001-a/ },
  })
  const ahead = await runCommand(clone, 'plan', both, { MIGRATOR_SCRATCH_URL: url })
  t.match(ahead, { exitCode: 2, error: { message: /is at 0001-a, and the hub's at no migration/ } })
  await runCommand(clone, 'up', makeFolder(t, table))
  await server.run(clone, "INSERT INTO t VALUES (1, 2, 'w')")
  t.match(await runCommand(url, 'plan', both), { exitCode: 0, stdout: /adding-required-field/ })
  const { exitCode, stdout } = await runCommand(url, 'plan --json', both, settings)
  t.equal(exitCode, 40)
  t.match(JSON.parse(stdout), { scratch: 'clone', failure: { code: 'MIGRATION_FAILED' } })
  t.strictSame(await server.run(clone, 'SELECT * FROM t'), [{ id: '1', v: 2, w: 'w' }])
})

t.test('plan tells what a migration changes of what is there', async t => {
  const url = await server.makeDatabase()
  const first = "await query('CREATE TABLE t (x int)'); await query('CREATE VIEW v AS SELECT x FROM t')"
  await runCommand(url, 'up', makeFolder(t, first))
  const second =
    "await query('ALTER TABLE t ALTER x SET DEFAULT 5'); await query('CREATE OR REPLACE VIEW v AS SELECT x, 1 AS y FROM t')"
  const { stdout } = await runCommand(url, 'plan --json', makeFolder(t, first, second))
  t.strictSame(JSON.parse(stdout).migrations[0].structure, [
    { change: 'changed', kind: 'column', name: 't.x', detail: 'default: none -> 5' },
    {
      change: 'changed',
      kind: 'view',
      name: 'v',
      detail: 'CREATE VIEW v AS SELECT x FROM t -> CREATE VIEW v AS SELECT x, 1 AS y FROM t',
    },
  ])
})

t.test('plan --sql does in psql what up does', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, table, "await query('INSERT INTO t (id, w) VALUES ($1, $2)', { bind: [5, \"it's\"] })")
  const { stdout } = await runCommand(url, 'plan --sql', folder)
  await server.run(url, stdout.replace(/^\\set.*\n/, ''))
  t.match(await runCommand(url, 'up', folder), { exitCode: 0, events: [{ event: 'up.nothing' }] })
  t.match(await server.run(url, 'SELECT w FROM t'), [{ w: "it's" }])
})

t.test('plan --sql has values of every kind as psql reads them', async t => {
  const [byPlan, byUp] = [await server.makeDatabase(), await server.makeDatabase()]
  const folder = makeFolder(
    t,
    `await query('CREATE TABLE v (a integer, b boolean, c bytea, d timestamptz, e text[], f jsonb, g text, h text)')
    const bind = [7, true, Buffer.from([0, 255]), new Date(0), ['x', "it's"], { a: ['\\\\'] }, '\\\\N $1', null]
    await query('INSERT INTO v VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', { bind })`,
  )
  const { stdout } = await runCommand(byPlan, 'plan --sql', folder)
  await server.run(byPlan, stdout.replace(/^\\set.*\n/, ''))
  t.match(await runCommand(byUp, 'up', folder), { exitCode: 0 })
  const rows = await server.run(byUp, 'SELECT v::text AS v FROM v')
  t.equal(rows.length, 1)
  t.strictSame(await server.run(byPlan, 'SELECT v::text AS v FROM v'), rows)
})

t.test('lint says by names of squawk what the statements did', async t => {
  const url = await server.makeDatabase()
  const settings = { MIGRATOR_SCRATCH_URL: await server.makeDatabase() }
  const codes = async (...bodies: readonly string[]) => {
    const { stdout } = await runCommand(url, 'lint --json', makeFolder(t, ...bodies), settings)
    return JSON.parse(stdout).migrations.map(({ findings }: { findings: readonly { code: string }[] }) =>
      findings.map(({ code }) => code),
    )
  }
  const made =
    "await query('CREATE TABLE p (id bigint PRIMARY KEY, v text NOT NULL, w integer); CREATE TABLE c (id bigint PRIMARY KEY, p bigint, k bigint)')".replace(
      '; ',
      "'); await query('",
    )
  for (const [sql, ...expected] of [
    ['ALTER TABLE p ADD COLUMN n integer NOT NULL', 'adding-required-field'],
    ['ALTER TABLE p ADD COLUMN n text DEFAULT clock_timestamp()::text', 'adding-field-with-default'],
    ["ALTER TABLE p ADD COLUMN n text DEFAULT 'x' NOT NULL"],
    ['ALTER TABLE p ALTER COLUMN w TYPE bigint', 'changing-column-type'],
    ['ALTER TABLE p ALTER COLUMN w SET NOT NULL', 'adding-not-nullable-field'],
    ['ALTER TABLE p ALTER COLUMN v DROP NOT NULL', 'ban-drop-not-null'],
    ['ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p (id)', 'adding-foreign-key-constraint'],
    ['ALTER TABLE c ADD FOREIGN KEY (p) REFERENCES p (id) NOT VALID'],
    ['ALTER TABLE p ADD CHECK (w > 0)', 'constraint-missing-not-valid'],
    ['ALTER TABLE p ADD CHECK (w > 0) NOT VALID'],
    ['ALTER TABLE p ADD UNIQUE (v)', 'disallowed-unique-constraint'],
    ['CREATE INDEX i ON p (v)', 'require-concurrent-index-creation'],
    ['ALTER TABLE p RENAME COLUMN v TO u', 'renaming-column'],
    ['ALTER TABLE p RENAME TO q', 'renaming-table'],
    ['ALTER TABLE p DROP COLUMN v', 'ban-drop-column'],
    ['DROP TABLE c', 'ban-drop-table'],
    ['TRUNCATE p CASCADE', 'ban-truncate-cascade'],
    ['ALTER TABLE p SET UNLOGGED', 'rewriting-table'],
    ['CREATE TABLE n (id serial PRIMARY KEY)', 'prefer-bigint-over-int', 'prefer-identity'],
    ['CREATE TABLE n (id smallint PRIMARY KEY)', 'prefer-bigint-over-smallint'],
    [
      'CREATE TABLE n (a timestamp, b varchar(9), c char(9))',
      'prefer-timestamptz',
      'prefer-text-field',
      'ban-char-field',
    ],
    ['CREATE TABLE n (id bigint PRIMARY KEY, p bigint REFERENCES p (id))'],
    ['ALTER TABLE nothing DROP COLUMN x', 'HM001'],
  ] as const)
    t.strictSame((await codes(made, `await query(${JSON.stringify(sql)})`))[1], expected, sql)
  for (const [before, sql, ...expected] of [
    ['ALTER TABLE p ADD CONSTRAINT c CHECK (w > 0) NOT VALID', 'ALTER TABLE p VALIDATE CONSTRAINT c'],
    ['CREATE UNIQUE INDEX i ON p (v)', 'ALTER TABLE p ADD CONSTRAINT u UNIQUE USING INDEX i'],
    ['SELECT 1', 'DROP TABLE nothing', 'HM001'],
  ] as const)
    t.strictSame(
      (await codes(made, ...[before, sql].map(one => `await query(${JSON.stringify(one)})`)))[2],
      expected,
      sql,
    )
  const fails = await codes("await query('DROP TABLE nothing')", made)
  t.strictSame(fails, [['HM001'], ['HM001']])
  const drops = "await query('CREATE INDEX i ON p (v)')"
  t.strictSame((await codes(made, drops, "await query('DROP INDEX i')", "await query('SELECT 1')"))[2], [
    'require-concurrent-index-deletion',
  ])
  const said = `${made} // lint-ok ban-drop-table: it was never used\n`
  t.strictSame(
    (
      await codes(
        made,
        said.replace(/CREATE TABLE c.*?'\)/, "DROP TABLE c')").replace(/await query\('CREATE TABLE p.*?'\);/, ''),
      )
    )[1],
    [],
  )
  t.strictSame(await scratches(), [])
  t.match(JSON.parse((await runCommand(url, 'status --json')).stdout), { applied: 0, tables: [] })
})

t.test('lint names all columns that one statement adds while it writes a table anew', async t => {
  const url = await server.makeDatabase()
  const add = 'ALTER TABLE t ADD COLUMN a text DEFAULT clock_timestamp()::text, ADD COLUMN b int'
  t.match(await runCommand(url, 'lint', makeFolder(t, table, `await query('${add}')`)), {
    stdout: /adding-field-with-default: up adds the columns t\.a, t\.b, which rewrites t/,
  })
})

t.test('lint that is stopped says by what', async t => {
  const stop = new AbortController()
  const folder = makeFolder(t, 'await query("SELECT pg_sleep(600)")')
  const url = await server.makeDatabase()
  const linting = lintOnServer(
    await makeServerContext(url, folder, {}, stop.signal),
    readMigrationFiles(folder, 'postgres'),
  )
  const sleeping = "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
  await until(async () => (await server.run(url, sleeping)).length > 0)
  stop.abort(new Failure('SIGTERM', 'stopped', 'x'))
  await t.rejects(linting, { code: 'SIGTERM' })
})

t.test('lint tries each down, and an error ends it with 2', async t => {
  const url = await server.makeDatabase()
  const bad = makeFolder(t, table.replace("dropTable('t')", "dropTable('nothing')"))
  const { exitCode, stdout } = await runCommand(url, 'lint', bad)
  t.equal(exitCode, 2)
  t.match(stdout, /error HM403: down fails/)
  const half = makeFolder(t, table.replace("await context.dropTable('t')", ''))
  t.match(await runCommand(url, 'lint', half), {
    exitCode: 0,
    stdout: /warning HM402: down does not restore the table t/,
  })
  t.match(await runCommand(url, 'lint'), { exitCode: 0 })
})

t.test('adopt records the migrations whose structure a database has', async t => {
  const url = await migrated()
  await server.run(url, 'DROP TABLE "SequelizeMeta"', 'ALTER TABLE servers DROP COLUMN os_info')
  await server.run(url, 'ALTER TABLE servers ALTER COLUMN hostname TYPE varchar(200)')
  t.match(await runCommand(url, 'up'), { exitCode: 50, failure: 'HISTORY_CONFLICT' })
  const { exitCode, stdout, error } = await runCommand(url, 'adopt --json')
  t.match({ exitCode, error }, { exitCode: 0, error: undefined })
  t.match(JSON.parse(stdout), {
    tool: 'another tool',
    schema: '0002-create-metrics',
    recorded: ['0001-create-servers', '0002-create-metrics'],
    findings: [{ weight: 'tolerated', object: 'column servers.hostname', what: 'type' }],
  })
  t.match(await runCommand(url, 'up'), { exitCode: 0, events: [{ name: '0003-add-os-info' }, {}] })
  t.match(await runCommand(url, 'adopt'), { exitCode: 0, events: [{ event: 'adopt.nothing' }] })
  t.match(await runCommand(url, 'verify'), { exitCode: 0 })
})

t.test('adopt tolerates what another tool has otherwise, and no change of what may be written', async t => {
  const weights = async (...statements: readonly string[]) => {
    const url = await migrated()
    await server.run(url, 'DROP TABLE "SequelizeMeta"', ...statements)
    const { stdout } = await runCommand(url, 'adopt --json')
    return JSON.parse(stdout).findings.map(
      ({ weight, object, what }: Readonly<Record<string, string>>) => `${weight} ${object} ${what}`,
    )
  }
  t.strictSame(
    await weights(
      'ALTER TABLE servers ALTER COLUMN tdp_watts TYPE smallint',
      'ALTER TABLE servers ALTER COLUMN status SET NOT NULL',
      'ALTER TABLE servers ALTER COLUMN status DROP DEFAULT',
      'ALTER TABLE metrics ALTER COLUMN id SET GENERATED ALWAYS',
      'ALTER INDEX idx_metrics_server_timestamp RENAME TO by_time',
      'CREATE INDEX more ON servers (status)',
      'CREATE TABLE mine (id integer UNIQUE)',
    ),
    [
      'tolerated column metrics.id numbering',
      'tolerated column servers.status NULL',
      'tolerated column servers.status default',
      'tolerated column servers.tdp_watts type',
      'information table mine extra',
      'tolerated index idx_metrics_server_timestamp name',
      'information index more extra',
    ],
  )
  t.strictSame(
    await weights(
      'ALTER TABLE servers ALTER COLUMN tdp_watts TYPE text',
      'ALTER TABLE servers ALTER COLUMN hostname DROP NOT NULL',
      "ALTER TABLE servers ALTER COLUMN status SET DEFAULT 'new'",
      'ALTER TABLE metrics ALTER COLUMN id DROP IDENTITY',
      'ALTER TABLE servers ADD COLUMN room text',
      'ALTER TABLE servers ADD CONSTRAINT c CHECK (length(id) < 9)',
      'CREATE UNIQUE INDEX one ON servers (hostname)',
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
      'CREATE TRIGGER t BEFORE INSERT ON servers FOR EACH ROW EXECUTE FUNCTION f()',
      'CREATE POLICY p ON servers USING (true)',
    ),
    [
      'difference column metrics.id numbering',
      'difference column servers.hostname NULL',
      'difference column servers.status default',
      'difference column servers.tdp_watts type',
      'difference column servers.room extra',
      'difference constraint servers.c extra',
      'difference index one extra',
      'difference trigger servers.t extra',
      'difference policy servers.p extra',
      'information function f() extra',
    ],
  )
})

for (const [title, statement, tool, revision] of [
  ['Alembic without a revision', 'CREATE TABLE alembic_version (version_num text)', 'Alembic', null],
  [
    'sequelize-cli by the names of its migrations',
    `INSERT INTO "SequelizeMeta" (name) VALUES ('20240101-init.js')`,
    'sequelize-cli',
    null,
  ],
] as const)
  t.test(`adopt knows ${title}`, async t => {
    const url = await migrated()
    await server.run(url, 'DELETE FROM "SequelizeMeta"', statement)
    t.match(JSON.parse((await runCommand(url, 'adopt --json')).stdout), { tool, revision, schema: '0003-add-os-info' })
  })

t.test('adopt allows the tables of a later migration where all of them are there', async t => {
  const create = (...names: readonly string[]) =>
    names.map(name => `await query('CREATE TABLE ${name} (x integer)')`).join('\n')
  const folder = makeFolder(t, create('a'), create('b'), create('c', 'd'))
  const [some, all] = [await server.makeDatabase(), await server.makeDatabase()]
  await server.run(some, 'CREATE TABLE a (x integer)', 'CREATE TABLE c (x integer)')
  await server.run(all, ...['a', 'c', 'd'].map(name => `CREATE TABLE ${name} (x integer)`))
  t.match(await runCommand(some, 'adopt', folder), { exitCode: 50, failure: 'HISTORY_CONFLICT' })
  t.match(await runCommand(all, 'adopt', folder), {
    exitCode: 0,
    events: [
      { event: 'adopt.done', schema: '0001-a', message: /run `migrator up --to 0002-b`, then `migrator adopt`/ },
    ],
  })
})

t.test('adopt refuses a structure of no migration, unless it is told which, and an empty database', async t => {
  const empty = await server.makeDatabase()
  t.match(await runCommand(empty, 'adopt'), { exitCode: 2, failure: 'CONFIG_INVALID' })
  const url = await migrated()
  await server.run(url, 'DROP TABLE "SequelizeMeta"', 'ALTER TABLE servers DROP COLUMN hostname')
  await server.run(
    url,
    'CREATE TABLE alembic_version (version_num text)',
    "INSERT INTO alembic_version VALUES ('2e6e20f4bc94')",
  )
  t.match(await runCommand(url, 'adopt'), { exitCode: 50, failure: 'HISTORY_CONFLICT', stdout: /Alembic 2e6e20f4bc94/ })
  t.match(await server.run(url, `SELECT to_regclass('"SequelizeMeta"')::text AS history`), [{ history: null }])
  t.match(await runCommand(url, 'adopt --at 3'), { exitCode: 0, events: [{ event: 'adopt.done', tool: 'Alembic' }] })
})

t.test('repair refuses a text that makes another structure, unless it is forced', async t => {
  const url = await server.makeDatabase()
  await runCommand(url, 'up', makeFolder(t, table))
  const other = makeFolder(t, table.replace('w text', 'w text, x text'))
  const { failure, error } = await runCommand(url, 'repair 1', other)
  t.match({ failure, error }, { failure: 'SCHEMA_DRIFT', error: { exitCode: 53, message: /column t.x missing/ } })
  t.match(await runCommand(url, 'repair 1 --force', other), { exitCode: 0, events: [{ event: 'repair.done' }] })
})

t.test('the schema of a server is drawn as that of a file is', async t => {
  const url = await migrated()
  const { stdout: mermaid } = await runCommand(url, 'schema --format mermaid')
  t.match(mermaid, /^erDiagram\n {2}"metrics" \{/)
  t.match(mermaid, /text id PK "not null"/)
  await server.run(url, 'CREATE TABLE seals (id bigint PRIMARY KEY, code text UNIQUE)')
  t.match((await runCommand(url, 'schema --format mermaid')).stdout, /text code UK/)
  t.match(mermaid, /"servers" \|\|--o\{ "metrics" : "server_id"/)
  const { stdout: markdown } = await runCommand(url, 'schema --format markdown')
  t.match(markdown, /^# Schema\n\nAt migration `0003-add-os-info`/)
  t.match(markdown, /\| `id` \| text \| no \|/)
  t.match(markdown, /idx_metrics_server_timestamp/)
})

t.test('a picture of a server tells of collations, computed columns and policies, and needs no key', async t => {
  const url = await server.makeDatabase()
  const [version] = await server.run(url, 'SHOW server_version_num')
  const kind = Number(version?.server_version_num) < 180_000 ? 'STORED' : 'VIRTUAL'
  await server.run(
    url,
    `CREATE TABLE t (x text COLLATE "C", y text GENERATED ALWAYS AS (lower(x)) STORED, z text GENERATED ALWAYS AS (x) ${kind})`,
    'CREATE POLICY p ON t USING (true)',
  )
  const { stdout } = await runCommand(url, 'schema --format markdown')
  t.equal(
    stdout.slice(stdout.indexOf('| ---')),
    `| --- | --- | --- | --- | --- |
| \`x\` | text | yes |  | collation "C" |
| \`y\` | text | yes |  | computed (stored): \`lower(x)\` |
| \`z\` | text | yes |  | computed (${kind.toLowerCase()}): \`x\` |

- policy \`CREATE POLICY p ON t FOR ALL USING (true)\`
`,
  )
})

t.test('a common text with what SQLite alone has is refused by plan and lint as by up', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, "await query('CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)')")
  t.match(await runCommand(url, 'plan', folder), { exitCode: 40, failure: 'MIGRATION_FAILED' })
  t.match(await runCommand(url, 'lint', folder), { exitCode: 2, stdout: /HM001: up fails/ })
  writeFileSync(join(folder, '0001-a.postgres.js'), readFileSync(join(makeFolder(t, table), '0001-a.js')))
  t.match(await runCommand(url, 'plan', folder), { exitCode: 0 })
})

t.test('lint names the statement that fails on a server', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, "await query('SELECT 1')\n  await query('SELECT 1 / 0')")
  t.match(await runCommand(url, 'lint', folder), {
    exitCode: 2,
    stdout: /HM001: up fails: division by zero.*SELECT 1 \/ 0/s,
  })
})

t.test('redo runs the last migration again as its file is now, after both ways were tried', async t => {
  const url = await server.makeDatabase()
  await runCommand(url, 'up', makeFolder(t, table, columns))
  const edited = makeFolder(t, table, columns.replace('CREATE INDEX i ON', 'CREATE INDEX j ON'))
  t.match(await runCommand(url, 'redo --yes', edited), { exitCode: 0 })
  t.match(JSON.parse((await runCommand(url, 'status --json', edited)).stdout), { applied: 2, ready: true })
  const broken = makeFolder(t, table, columns.replace('CREATE INDEX i ON t', 'CREATE INDEX i ON nothing'))
  t.match(await runCommand(url, 'redo --yes', broken), { exitCode: 40 })
  t.match(JSON.parse((await runCommand(url, 'status --json', edited)).stdout), { applied: 2, ready: true })
})
