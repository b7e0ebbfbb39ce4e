/** Everything that an engine has to keep, on Debian's PostgreSQL through PgBouncer in transaction mode. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { makerOn } from '../help/engine-postgres.ts'
import { makeFolder, runUp, until } from '../help/on-server.ts'
import { noPooler, startPooler } from '../help/pgbouncer.ts'
import { debian, startServerOf, whyNot } from '../help/postgres.ts'
import { engineSuite } from '../help/suite.ts'

const reason = whyNot(debian) || noPooler
if (reason) {
  t.pass(reason, { skip: reason })
  process.exit()
}
const server = await startServerOf(debian)
t.teardown(() => server.stop())
const pooler = await startPooler(server.port)
t.teardown(() => pooler.stop())
const throughPooler = (url: string): string => url.replace(`:${server.port}/`, `:${pooler.port}/`)

// two of them stop the server
t.jobs = 1
const maker = makerOn(server)
engineSuite('PostgreSQL through PgBouncer', {
  ...maker,
  makePlace: async t => throughPooler(await maker.makePlace(t)),
})

t.test('an index is built concurrently through it, by a connection of its own', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(
    t,
    'await query("CREATE TABLE a (x integer)")',
    "export const online = true\nexport const up = ({ context }) => context.addIndexConcurrently('a', ['x'])",
  )
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => runUp(throughPooler(url), folder)))
  t.strictSame(
    outcomes.map(({ error }) => error).filter(error => error !== undefined),
    [],
  )
  t.match(await server.run(url, "SELECT indisvalid AS it FROM pg_index WHERE indexrelid = 'a_x'::regclass"), [
    { it: true },
  ])
})

t.test('of sixteen runs at once one applies, and no session keeps a setting or a lock', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, 'await query("CREATE TABLE a (x integer)"); await query("SET LOCAL work_mem = 65536")')
  const outcomes = await Promise.all(Array.from({ length: 16 }, () => runUp(throughPooler(url), folder)))
  t.strictSame(
    outcomes.map(({ error }) => error).filter(error => error !== undefined),
    [],
  )
  t.equal(outcomes.filter(({ has }) => has('migration.applied')).length, 1)
  t.strictSame(await server.run(url, "SELECT FROM pg_locks WHERE locktype = 'advisory'"), [])
  for (let session = 0; session < 6; session += 1)
    t.match(
      await server.run(
        throughPooler(url),
        "SELECT current_setting('work_mem') AS w, current_setting('lock_timeout') AS l, current_setting('search_path') AS s",
      ),
      [{ w: '4MB', l: '0', s: '"$user", public' }],
    )
})

t.test('what a block leaves in the session is gone before the next program gets it', async t => {
  const url = await server.makeDatabase()
  for (const [body, left] of [
    [
      "SET search_path = nowhere; SET work_mem = '1MB'",
      "current_setting('work_mem') || current_setting('search_path')",
    ],
    ['CREATE TEMP TABLE servers (x integer)', "coalesce(to_regclass('pg_temp.servers')::text, '')"],
    ["EXECUTE 'SELECT pg_advisory_' || 'lock(7)'", "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"],
    ["EXECUTE 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'", '(SELECT count(*) FROM pg_cursors WHERE is_holdable)'],
    ["EXECUTE 'PREPARE s AS SELECT 1'", "(SELECT count(*) FROM pg_prepared_statements WHERE name = 's')"],
  ] as const) {
    const see = () => server.run(throughPooler(url), `SELECT ${left} AS left`)
    const before = await see()
    const sql = `DO $$ BEGIN ${body}; END $$`
    t.match(await runUp(throughPooler(url), makeFolder(t, `await query(${JSON.stringify(sql)})`)), { error: undefined })
    for (let session = 0; session < 4; session += 1) t.strictSame(await see(), before, body)
    await server.run(url, 'DROP TABLE "SequelizeMeta"')
  }
})

t.test('what PgBouncer says of a login, in its own words and one code, ends a run at once', async t => {
  const url = await server.makeDatabase()
  const strict = await startPooler(server.port, { user: 'postgres', password: 'right' })
  t.teardown(() => strict.stop())
  const as = (login: string, database = url.replace(/.*\/|\?.*/g, '')) =>
    `postgres://${login}@127.0.0.1:${strict.port}/${database}?sslmode=disable`
  const folder = makeFolder(t, 'await query("CREATE TABLE a (x integer)")')
  for (const [wrong, code, exitCode] of [
    [as('postgres:wrong'), 'PRIVILEGE_MISSING', 12],
    [as('nobody:right'), 'PRIVILEGE_MISSING', 12],
    [as('postgres:right', 'nowhere'), 'NO_SUCH_DATABASE', 10],
  ] as const) {
    const { error, events } = await runUp(wrong, folder)
    t.match(error, { code, exitCode })
    t.strictSame(events, [], 'it does not begin anew')
  }
  t.match(await runUp(as('postgres:right'), folder), { error: undefined })
})

t.test(
  'a server that crashes behind it is waited for: it says so by the code of a protocol that is broken',
  async t => {
    const url = await server.makeDatabase()
    const folder = makeFolder(t, 'await query("CREATE TABLE a (x integer)"); await query("SELECT pg_sleep(1)")')
    const running = runUp(throughPooler(url), folder)
    const sleeping = "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1)'"
    await until(async () => (await server.run(url, sleeping)).length > 0)
    await server.restart(2000)
    const { error, has } = await running
    t.match({ error, again: has('run.again') }, { error: undefined, again: true })
    t.match(await runUp(throughPooler(url), folder), { events: [{ event: 'up.nothing' }] })
  },
)

t.test('a server that starts ten seconds late is waited for', async t => {
  const url = await server.makeDatabase()
  const restarted = server.restart(10_000)
  await setTimeout(300)
  const { error, has } = await runUp(url, makeFolder(t, 'await query("CREATE TABLE a (x integer)")'), {
    MIGRATOR_LOCK_TIMEOUT: '60',
  })
  await restarted
  t.match({ error, again: has('run.again') }, { error: undefined, again: true })
})
