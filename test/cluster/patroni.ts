/**
 * `up` on a cluster of two servers that Patroni keeps, PostgreSQL 15, while processes, primaries and postmasters are taken away from
 * it in the middle of three migrations of 200,000 metrics: the database is after a whole number of runs, and never between. A short
 * form in .ci/run; `FAULTS=long npm run test:cluster` prints the figures of docs/reliability.md.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { firstThree } from '../help/first-three.ts'
import { runCommand, runUp, up } from '../help/on-server.ts'
import { noCluster, startCluster } from '../help/patroni.ts'
import { noPooler, startPooler } from '../help/pgbouncer.ts'
import { run } from '../help/postgres.ts'
import { startProgram } from '../help/program.ts'

const reason = noCluster || noPooler
if (reason) {
  t.pass(reason, { skip: reason })
  process.exit()
}
t.jobs = 1
// kills, switch-overs, killed postmasters
const usual = process.env.FAULTS === 'long' ? '500 20 10' : '10 3 1'
const [kills = 0, switches = 0, crashes = 0] = (process.env.RUNS ?? usual).split(' ').map(Number)

const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
t.teardown(() => rmSync(folder, { recursive: true }))
cpSync(firstThree, folder, { recursive: true })
for (const [name, body] of Object.entries({
  '0004-add-heat': `
    await query('ALTER TABLE metrics ADD COLUMN heat double precision')
    await query('UPDATE metrics SET heat = cpu_percent * 2')`,
  '0005-sum-days': `
    await query('CREATE TABLE days (server_id text NOT NULL REFERENCES servers, day date NOT NULL, metrics bigint NOT NULL, PRIMARY KEY (server_id, day))')
    await query("INSERT INTO days SELECT server_id, (timestamp AT TIME ZONE 'UTC')::date, count(*) FROM metrics GROUP BY 1, 2")`,
  '0006-round-load': `
    await query('UPDATE metrics SET load_1m = round(load_1m) WHERE id % 2 = 0')
    await context.addIndex('metrics', ['heat'], { name: 'idx_metrics_heat' })
    await context.changeColumn('metrics', 'heat', { type: 'real' })`,
}))
  writeFileSync(join(folder, `${name}.js`), up(body))

const cluster = await startCluster()
t.teardown(() => cluster.stop())
const patient = { MIGRATOR_LOCK_TIMEOUT: '120' }

let made = 0
/** A database at 0003 with 200,000 metrics, which both servers have. */
const makeHub = async (): Promise<string> => {
  made += 1
  const name = `hub_${made}`
  await cluster.run('postgres', `CREATE DATABASE ${name} TEMPLATE base`)
  await cluster.settled()
  return name
}
const dropHub = (name: string) => cluster.run('postgres', `DROP DATABASE ${name} WITH (FORCE)`)

const whole = `SELECT
  (SELECT string_agg(name || ' ' || checksum, ', ' ORDER BY name) FROM "SequelizeMeta") AS history,
  (SELECT string_agg(concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default), ', ' ORDER BY table_name, ordinal_position)
   FROM information_schema.columns WHERE table_schema = 'public') AS columns,
  (SELECT string_agg(indexdef, ', ' ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public') AS indexes,
  (SELECT count(*) FROM pg_index WHERE NOT indisvalid) AS invalid,
  (SELECT count(*) || ' ' || sum(hashtextextended(m::text, 0)) FROM metrics AS m) AS metrics,
  (SELECT count(*) FROM pg_constraint) AS constraints`
const contentOf = async (url: string): Promise<string> => {
  const [content] = await run(url, whole)
  const days = String(content?.columns).includes('days day')
    ? await run(url, 'SELECT count(*) || sum(hashtextextended(d::text, 0))::text AS days FROM days AS d')
    : []
  return JSON.stringify([content, days])
}

await cluster.run('postgres', 'CREATE DATABASE base')
const base = cluster.url('base')
/** A run that has to end well, before the tests begin. */
const bring = async (url: string, migrations: string): Promise<void> => {
  const { error } = await runUp(url, migrations, patient)
  if (error !== undefined) throw error
}
await bring(base, firstThree)
await cluster.run(
  'base',
  "INSERT INTO servers (id, hostname) SELECT 'server-' || i, 'host-' || i FROM generate_series(0, 9) AS i",
  `INSERT INTO metrics (server_id, timestamp, cpu_percent, memory_percent, load_1m)
   SELECT 'server-' || i % 10, timestamptz '2026-01-01 00:00Z' + i * interval '6 s', i % 100, i % 90, i % 7 / 2.0
   FROM generate_series(1, 200000) AS i`,
  'ANALYZE',
)
await cluster.settled()
const before = await contentOf(cluster.urlOf(await cluster.primary(), 'base'))
const first = await makeHub()
const start = performance.now()
await bring(cluster.url(first), folder)
const duration = performance.now() - start
const after = await contentOf(cluster.urlOf(await cluster.primary(), first))
if (before === after) throw new Error('the migrations change nothing')

/** `before` or `after` as the primary has it; what else it is. */
const stateOf = async (database: string): Promise<string> => {
  const content = await contentOf(cluster.urlOf(await cluster.primary(), database))
  return content === before ? 'before' : content === after ? 'after' : content
}
const count = () => {
  const figures: Record<string, number> = {}
  const add = (what: string): void => {
    figures[what] = (figures[what] ?? 0) + 1
  }
  return { figures, add }
}

t.test('of sixteen processes at once, through PgBouncer, one applies, and all exit 0', async t => {
  const database = await makeHub()
  const pooler = await startPooler((await cluster.primary()).port)
  t.teardown(() => pooler.stop())
  const url = `postgres://postgres@127.0.0.1:${pooler.port}/${database}?sslmode=disable`
  const settings = { ...patient, DATABASE_URL: url, MIGRATOR_MIGRATIONS: folder }
  const outcomes = await Promise.all(Array.from({ length: 16 }, () => startProgram([], settings).outcome))
  t.strictSame(
    outcomes.filter(({ exitCode }) => exitCode !== 0).map(({ stderr }) => stderr),
    [],
  )
  const applied = outcomes.flatMap(({ events }) => events.filter(({ event }) => event === 'migration.applied'))
  t.equal(applied.length, 3)
  t.equal(await stateOf(database), 'after')
})

t.test(`kill -9 at ${kills} random instants: before or after, and the next run goes on from there`, async t => {
  const { figures, add } = count()
  let database = await makeHub()
  let befores = 0
  const exhausted = async (): Promise<void> => {
    await dropHub(database)
    database = await makeHub()
    befores = 0
  }
  for (let round = 0; round < kills; round += 1) {
    const settings = { ...patient, DATABASE_URL: cluster.url(database), MIGRATOR_MIGRATIONS: folder }
    const { child, outcome } = startProgram([], settings)
    await setTimeout((0.1 + Math.random() * 1.7) * duration)
    child.kill('SIGKILL')
    const { signal, exitCode, stderr } = await outcome
    if (signal === null && exitCode !== 0) t.fail(`it exited ${exitCode}: ${stderr}`)
    add(signal === null ? 'had finished' : 'killed')
    // its last statement ends half a second later, or its COMMIT does
    const holders = "SELECT FROM pg_locks WHERE locktype = 'advisory'"
    await cluster.until('was let go of', async () => (await cluster.run(database, holders)).length === 0 || undefined)
    const state = await stateOf(database)
    add(state)
    befores += 1
    if (state === 'before' && befores < 4) continue
    const next = await runUp(cluster.url(database), folder, patient)
    if (next.error !== undefined) t.fail(String(next.error))
    if ((await stateOf(database)) !== 'after') t.fail('the next run left it between')
    await exhausted()
  }
  await dropHub(database)
  t.comment(`${kills} kills, a whole run ${Math.round(duration)} ms: ${JSON.stringify(figures)}`)
  const { killed = 0, 'had finished': finished = 0, before = 0, after = 0 } = figures
  t.equal(before + after, kills, `never between: ${JSON.stringify(figures)}`)
  t.equal(killed + finished, kills)
  t.ok(killed > 0)
})

/** Does something to the primary at a random instant of a run, which then has to end well by itself. */
const disturb = async (times: number, what: () => Promise<void>) => {
  const { figures, add } = count()
  for (let round = 0; round < times; round += 1) {
    const database = await makeHub()
    const running = runUp(cluster.url(database), folder, patient)
    await setTimeout((0.1 + Math.random() * 0.8) * duration)
    const [{ error, has }] = await Promise.all([running, what()])
    add(error === undefined ? (has('run.again') ? 'began anew' : 'went through') : String(error))
    await cluster.settled()
    add(await stateOf(database))
    for (const node of cluster.nodes)
      if ((await contentOf(cluster.urlOf(node, database))) !== after) add(`${node.name} is not after it`)
    await dropHub(database)
  }
  const { after: reached = 0, 'began anew': anew = 0, 'went through': through = 0, ...others } = figures
  return { figures, reached, anew, ended: anew + through, others }
}

for (const [title, times, what] of [
  ['switch-overs', switches, () => cluster.switchOver()],
  ['killed postmasters', crashes, async () => cluster.killPostmaster(await cluster.primary())],
] as const)
  t.test(`${times} ${title} in the middle of a run: it begins anew and ends with 0`, async t => {
    const { figures, reached, anew, ended, others } = await disturb(times, what)
    t.comment(`${times} ${title}: ${JSON.stringify(figures)}`)
    t.strictSame([reached, ended, others], [times, times, {}])
    t.ok(anew > 0, 'some runs were hit')
  })

t.test('a primary that crashes behind PgBouncer in the middle of a run is waited for', async t => {
  const database = await makeHub()
  const primary = await cluster.primary()
  const pooler = await startPooler(primary.port)
  t.teardown(() => pooler.stop())
  const url = `postgres://postgres@127.0.0.1:${pooler.port}/${database}?sslmode=disable`
  const running = runUp(url, folder, patient)
  await setTimeout(duration / 2)
  cluster.killPostmaster(primary)
  const { error, has } = await running
  t.match({ error, again: has('run.again') }, { error: undefined, again: true })
  t.equal(await stateOf(database), 'after')
  await cluster.settled()
})

t.test('a standby alone is read from, and refuses to be changed', async t => {
  const database = await makeHub()
  const standby = cluster.urlOf(cluster.other(await cluster.settled()), database)
  t.match((await runUp(standby, folder, { MIGRATOR_LOCK_TIMEOUT: '1' })).error, {
    code: 'DATABASE_READ_ONLY',
    exitCode: 12,
  })
  t.match(await runCommand(standby, 'status --json', folder), { exitCode: 0, stdout: /0004-add-heat/ })
  t.match(await runCommand(standby, 'wait --timeout 0', folder), { exitCode: 20, failure: 'NOT_READY' })
  t.match(await runCommand(standby, 'wait --timeout 0', firstThree), { exitCode: 0 })
  t.equal(await stateOf(database), 'before')
  await dropHub(database)
})

t.test(
  'a COMMIT that asynchronous replication loses: the history says so, and the next run applies it again',
  async t => {
    const database = await makeHub()
    const primary = await cluster.settled()
    const standby = cluster.other(primary)
    cluster.receiver(standby, 'SIGSTOP')
    t.match(await runUp(cluster.url(database), folder, patient), { error: undefined })
    t.equal(await stateOf(database), 'after')
    cluster.killNode(primary)
    cluster.receiver(standby, 'SIGTERM')
    cluster.receiver(standby, 'SIGCONT')
    await cluster.until('failed over', async () =>
      (await cluster.primary()).name === standby.name ? standby : undefined,
    )
    t.equal(await stateOf(database), 'before', 'a confirmed COMMIT is gone')
    const waited = await runCommand(cluster.url(database), 'wait --timeout 0', folder)
    t.match(waited, { exitCode: 20, failure: 'NOT_READY' })
    const again = await runUp(cluster.url(database), folder, patient)
    t.match(again, { error: undefined })
    t.equal(again.events.filter(({ event }) => event === 'migration.applied').length, 3)
    cluster.startNode(primary)
    await cluster.settled()
    for (const node of cluster.nodes) t.equal(await contentOf(cluster.urlOf(node, database)), after, node.name)
    await dropHub(database)
  },
)

t.test('strict synchronous replication without a standby ends a run with 20, and the next one is right', async t => {
  const database = await makeHub()
  const standby = cluster.other(await cluster.settled())
  await cluster.configure({ synchronous_mode: true, synchronous_mode_strict: true })
  const standbys = () => cluster.run('postgres', 'SELECT sync_state AS state FROM pg_stat_replication')
  await cluster.until('became synchronous', async () => (await standbys()).find(({ state }) => state === 'sync'))
  cluster.killNode(standby)
  await cluster.until('lost its standby', async () => (await standbys()).length === 0 || undefined)
  t.match((await runUp(cluster.url(database), folder, { MIGRATOR_LOCK_TIMEOUT: '5' })).error, {
    code: 'COMMIT_UNKNOWN',
    exitCode: 20,
  })
  // its locks are held until a standby has it, so nobody reads the metrics meanwhile
  t.equal((await cluster.run(database, 'SELECT FROM "SequelizeMeta"')).length, 3, 'nobody sees it yet')
  t.match((await runUp(cluster.url(database), folder, { MIGRATOR_LOCK_TIMEOUT: '1' })).error, {
    code: 'DATABASE_BUSY',
    exitCode: 20,
  })
  cluster.startNode(standby)
  t.match(await runUp(cluster.url(database), folder, patient), { error: undefined })
  t.equal(await stateOf(database), 'after')
  await cluster.configure({ synchronous_mode: false, synchronous_mode_strict: false })
  await cluster.settled()
})
