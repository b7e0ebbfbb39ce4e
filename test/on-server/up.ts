/** `up` on a server: all or nothing, whatever happens to it. */
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { upOnServer } from '../../src/on-server/up.ts'
import { makeFolder, makeServerContext, runUp, until, up } from '../help/on-server.ts'
import { sharedServer } from '../help/postgres.ts'
import { startProgram } from '../help/program.ts'

// some of them stop the server
t.jobs = 1
const server = await sharedServer()

const make = 'await query("CREATE TABLE a (x integer)"); await query("INSERT INTO a VALUES (1), (2)")'

/** The tables of a database, and the names that are recorded. */
const stateOf = async (url: string) => {
  const tables = await server.run(
    url,
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`,
  )
  const names = tables.map(({ name }) => String(name))
  const recorded = names.includes('SequelizeMeta')
    ? await server.run(url, 'SELECT name FROM "SequelizeMeta" ORDER BY 1')
    : []
  return { tables: names.filter(name => name !== 'SequelizeMeta'), recorded: recorded.map(({ name }) => String(name)) }
}
const nothing = { tables: [], recorded: [] }

/** Another session, with a transaction in which it has run a statement. */
const hold = async (t: { teardown: (work: () => unknown) => void }, url: string, sql: string) => {
  const client = new Client({ connectionString: url.replace(/\?.*/, '') })
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(() => client.end().catch(() => undefined))
  await client.query('BEGIN')
  await client.query(sql)
  return { release: () => client.query('COMMIT'), client }
}

t.test('pending migrations are applied together, and then there is nothing to do', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, make, 'await query("ALTER TABLE a ADD COLUMN y text")')
  t.match(await runUp(url, folder), {
    error: undefined,
    events: [{ event: 'migration.applied' }, {}, { event: 'up.done' }],
  })
  t.strictSame(await stateOf(url), { tables: ['a'], recorded: ['0001-a', '0002-b'] })
  t.match(await runUp(url, folder), { error: undefined, events: [{ event: 'up.nothing', schema: '0002-b' }] })
})

for (const [title, body, message] of [
  ['throws', 'throw new Error("out of luck")', /out of luck/],
  ['ends the transaction', 'await query("COMMIT")', /no transaction or savepoint here/],
  ['ends it by another word', 'await query("/* x */ END")', /no transaction or savepoint here/],
  ['rolls it back', 'await query("ABORT")', /no transaction or savepoint here/],
  ['hides a COMMIT in a text of several', 'await query("CREATE TABLE b (); COMMIT; BEGIN")', /multiple commands/],
  ['commits in a block', 'await query("DO $$ BEGIN COMMIT; END $$")', /invalid transaction termination/],
  ['prepares its transaction', 'await query("PREPARE TRANSACTION \'x\'")', /two-phase/],
  ['commits a prepared one', 'await query("COMMIT PREPARED \'x\'")', /two-phase/],
  ['listens', 'await query("LISTEN x")', /LISTEN is not for migrations/],
  ['makes a setting for others', 'await query("SET statement_timeout = 1")', /SET is not for migrations/],
  ['hides such a setting in a call', "await query(\"SELECT set_config('work_mem', '1MB', false)\")", /set_config/],
  ['becomes another user', 'await query("SET LOCAL ROLE pg_monitor")', /SET LOCAL ROLE/],
  ['takes a lock of the session', 'await query("SELECT pg_advisory_lock(1)")', /lock of the session/],
  ['returns before it is done', 'query("SELECT pg_sleep(0.3)").catch(() => undefined)', /await every call/],
  [
    'returns while a statement runs',
    'query("SELECT pg_sleep(0.5)").catch(() => undefined); await new Promise(done => setTimeout(done, 200))',
    /before this statement had run \(await every call\): SELECT pg_sleep/,
  ],
  ['begins a transaction and leaves it open', 'await sequelize.transaction()', /did not end it/],
  [
    'breaks a deferred key',
    `
    await query('CREATE TABLE p (id integer PRIMARY KEY)')
    await query('CREATE TABLE c (p integer REFERENCES p DEFERRABLE INITIALLY DEFERRED)')
    await query('INSERT INTO c VALUES (7)')`,
    /violates foreign key/,
  ],
  ['writes the history', `await query('INSERT INTO "SequelizeMeta" (name) VALUES (1)')`, /where the migrator records/],
  ['makes it unreadable', `await query('ALTER TABLE "SequelizeMeta" RENAME name TO x')`, /where the migrator records/],
] as const) {
  t.test(`a migration that ${title} fails, and takes those before it along`, async t => {
    const url = await server.makeDatabase()
    const { error } = await runUp(url, makeFolder(t, make, body))
    t.match(error, { code: 'MIGRATION_FAILED', message })
    t.match(error, { message: /0002-b/ })
    t.strictSame(await stateOf(url), nothing)
  })
}

t.test('a migration that never settles is ended, and undone', async t => {
  const controller = new AbortController()
  const url = await server.makeDatabase()
  const running = runUp(url, makeFolder(t, make, 'await new Promise(() => undefined)'), {}, controller.signal)
  const idle =
    "SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND state_change < now() - interval '0.5 s'"
  await until(async () => (await server.run(url, idle)).length > 0)
  controller.abort(new Error('it never settles'))
  t.match((await running).error, { code: 'MIGRATION_FAILED', message: /0002-b failed: it never settles/ })
  t.strictSame(await stateOf(url), nothing)
})

t.test('the program notices a migration that waits for nothing, and a killed statement frees the lock', async t => {
  const url = await server.makeDatabase()
  const settings = (folder: string) => ({ DATABASE_URL: url, MIGRATOR_MIGRATIONS: folder, MIGRATOR_LOCK_TIMEOUT: '20' })
  const waiting = makeFolder(t, make, 'await query("SELECT 1"); await new Promise(() => undefined)')
  const { exitCode, failure, stderr } = await startProgram([], settings(waiting)).outcome
  t.match({ exitCode, failure, stderr }, { exitCode: 40, failure: 'MIGRATION_FAILED', stderr: /never settles/ })
  t.strictSame(await stateOf(url), nothing)

  const { child, outcome } = startProgram([], settings(makeFolder(t, 'await query("SELECT pg_sleep(600)")')))
  const sleeping = "SELECT FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'"
  await until(async () => (await server.run(url, sleeping)).length > 0)
  child.kill('SIGKILL')
  await outcome
  t.match(await runUp(url, makeFolder(t, make)), { error: undefined })
  t.strictSame(await server.run(url, sleeping), [])
})

t.test('BEGIN, COMMIT and ROLLBACK of a migration are savepoints: each undoes its own', async t => {
  const url = await server.makeDatabase()
  const body = `
    ${make}
    const done = await sequelize.transaction()
    await query('INSERT INTO a VALUES (3)', { transaction: done })
    await done.commit()
    const undone = await sequelize.transaction()
    await query('INSERT INTO a VALUES (4)', { transaction: undone })
    await undone.rollback()
    await query('SAVEPOINT mine')
    await query('INSERT INTO a VALUES (5)')
    await query('ROLLBACK TO mine')`
  t.match(await runUp(url, makeFolder(t, body)), { error: undefined })
  t.strictSame(await server.run(url, 'SELECT x FROM a ORDER BY x'), [{ x: 1 }, { x: 2 }, { x: 3 }])
})

t.test('an error that a migration catches outside of a savepoint fails it, by what was said first', async t => {
  const url = await server.makeDatabase()
  const caught = `
    ${make}
    await query('INSERT INTO nowhere VALUES (1)').catch(() => undefined)`
  t.match((await runUp(url, makeFolder(t, caught))).error, {
    code: 'MIGRATION_FAILED',
    message: /"nowhere" does not exist/,
  })
  const goesOn = makeFolder(t, `${caught}; await query('INSERT INTO a VALUES (3)')`)
  const { error } = await runUp(url, goesOn)
  t.match(error, { code: 'MIGRATION_FAILED', message: /"nowhere" does not exist/ })
  t.notMatch(error, { message: /aborted/ })
})

t.test('an error in a transaction of its own may be caught, once that is rolled back', async t => {
  const url = await server.makeDatabase()
  const body = `
    ${make}
    await sequelize.transaction(transaction => query('INSERT INTO nowhere VALUES (1)', { transaction })).catch(() => undefined)
    await query('INSERT INTO a VALUES (3)')`
  t.match(await runUp(url, makeFolder(t, body)), { error: undefined })
  t.equal((await server.run(url, 'SELECT FROM a')).length, 3)
})

t.test('settings and lock go with the transaction: the session is the next one’s behind a pooler', async t => {
  const url = await server.makeDatabase()
  const body = `${make}
    await query('SET LOCAL work_mem = 65536')
    const [[row]] = await query("SELECT current_setting('lock_timeout') AS l, current_setting('TimeZone') AS z")
    if (row.l !== '7s' || row.z !== 'UTC') throw new Error(JSON.stringify(row))`
  const next = `
    const [[row]] = await query("SELECT current_setting('search_path') AS p, pg_backend_pid() AS pid")
    await query('CREATE TABLE seen AS SELECT ' + row.pid + ' AS pid')
    await query('SET LOCAL search_path = nowhere')`
  const settings = { MIGRATOR_STATEMENT_LOCK_TIMEOUT: '7' }
  t.match(await runUp(url, makeFolder(t, body, next, 'await query("CREATE TABLE b ()")'), settings), {
    error: undefined,
  })
  t.strictSame((await stateOf(url)).tables, ['a', 'b', 'seen'], 'a search_path is of one migration')
})

t.test('a run that saw no history before it waited sees what the other one has committed', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, `${make}; await query('SELECT pg_sleep(0.7)')`)
  const outcomes = await Promise.all([runUp(url, folder), setTimeout(200).then(() => runUp(url, folder))])
  t.match(outcomes, [{ error: undefined }, { error: undefined }])
  t.match(outcomes[1], { events: [{ event: 'lock.waiting' }, { event: 'up.done', applied: 0 }] })
})

t.test('of sixteen runs at once one applies, and the others have nothing to do', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, make, 'await query("ALTER TABLE a ADD COLUMN y text")')
  const outcomes = await Promise.all(Array.from({ length: 16 }, () => runUp(url, folder)))
  t.strictSame(
    outcomes.map(({ error }) => error).filter(error => error !== undefined),
    [],
  )
  t.equal(outcomes.filter(({ has }) => has('migration.applied')).length, 1)
  t.strictSame(await stateOf(url), { tables: ['a'], recorded: ['0001-a', '0002-b'] })
})

t.test('a run that waits keeps no snapshot: an index is built concurrently beside it', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE TABLE a (x integer)')
  const { release } = await hold(
    t,
    url,
    "SELECT pg_advisory_xact_lock(hashtext('homelab-migrator'), hashtext('public'))",
  )
  const waiting = runUp(url, makeFolder(t, 'await query("SELECT 1")'))
  await setTimeout(300)
  await t.resolves(server.run(url, "SET statement_timeout = '10s'", 'CREATE INDEX CONCURRENTLY i ON a (x)'))
  await release()
  await waiting
})

t.test('a statement that waits behind a long reader is given up, and the whole run starts again', async t => {
  const url = await server.makeDatabase()
  t.match(await runUp(url, makeFolder(t, make)), { error: undefined })
  const { release } = await hold(t, url, 'SELECT * FROM a')
  const folder = makeFolder(t, make, 'await query("CREATE TABLE b ()"); await query("ALTER TABLE a ADD COLUMN y text")')
  const running = runUp(url, folder, { MIGRATOR_STATEMENT_LOCK_TIMEOUT: '1' })
  const waiting = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'a'::regclass"
  await until(async () => (await server.run(url, waiting)).length > 0)
  await until(async () => (await server.run(url, waiting)).length === 0)
  await t.resolves(server.run(url, "SET statement_timeout = '500ms'", 'SELECT * FROM a'), 'others read meanwhile')
  await release()
  const outcome = await running
  t.match(outcome, { error: undefined })
  t.match(outcome.events[0], { event: 'run.again', reason: /lock timeout/ })
  t.strictSame(await stateOf(url), { tables: ['a', 'b'], recorded: ['0001-a', '0002-b'] })
})

t.test('a lock that nobody frees ends the run with 20 at its timeout', async t => {
  const url = await server.makeDatabase()
  await runUp(url, makeFolder(t, make))
  await hold(t, url, 'SELECT * FROM a')
  const settings = { MIGRATOR_STATEMENT_LOCK_TIMEOUT: '1', MIGRATOR_LOCK_TIMEOUT: '1' }
  const { error } = await runUp(url, makeFolder(t, make, 'await query("ALTER TABLE a ADD COLUMN y text")'), settings)
  t.match(error, { code: 'DATABASE_BUSY', exitCode: 20, message: /lock timeout \(55P03\)|lock timeout/ })
})

t.test('a server that crashes in the middle of a run is waited for, and the run begins anew', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, make, 'await query("SELECT pg_sleep(0.8)")')
  const running = runUp(url, folder)
  await until(
    async () => (await server.run(url, "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.8)'")).length > 0,
  )
  await server.restart(1500)
  const outcome = await running
  t.match(outcome, { error: undefined })
  t.ok(outcome.has('run.again'))
  t.strictSame(await stateOf(url), { tables: ['a'], recorded: ['0001-a', '0002-b'] })
})

t.test('a server that starts later than the run is waited for', async t => {
  const url = await server.makeDatabase()
  const restarted = server.restart(2000)
  await setTimeout(300)
  const outcome = await runUp(url, makeFolder(t, make))
  await restarted
  t.match(outcome, { error: undefined })
  t.match(outcome.events[0], { event: 'run.again', reason: /cannot be reached/ })
})

t.test('a signal ends the wait for a server', async t => {
  const url = (await server.makeDatabase()).replace(`:${server.port}/`, ':1/')
  const controller = new AbortController()
  const { signal } = controller
  const context = await makeServerContext(url, makeFolder(t, make), { MIGRATOR_LOCK_TIMEOUT: '60' }, signal)
  const running = upOnServer(context, undefined)
  await until(async () => context.events.some(({ event }) => event === 'run.again'))
  controller.abort(new Failure('SIGTERM', 'stopped', ''))
  await t.rejects(running, { code: 'SIGTERM' })
})

t.test('a signal ends a run in its statement, and the server undoes it', async t => {
  const url = await server.makeDatabase()
  const controller = new AbortController()
  const folder = makeFolder(t, make, 'await query("SELECT pg_sleep(60)")')
  const running = runUp(url, folder, {}, controller.signal)
  const sleeping = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)'"
  await until(async () => (await server.run(url, sleeping)).length > 0)
  const { Failure } = await import('../../src/failure.ts')
  const reason = new Failure('SIGTERM', 'stopped by SIGTERM', 'Nothing was changed.')
  controller.abort(reason)
  t.equal((await running).error, reason)
  await until(async () => (await server.run(url, sleeping)).length === 0)
  t.strictSame(await stateOf(url), nothing)
})

t.test('what a role may not do is said before anything is changed, with the GRANT that mends it', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE ROLE no_owner LOGIN', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC')
  const asPlain = url.replace('postgres@', 'no_owner@')
  const folder = makeFolder(t, make)
  t.match((await runUp(asPlain, folder)).error, {
    code: 'PRIVILEGE_MISSING',
    exitCode: 12,
    hint: /GRANT USAGE, CREATE ON SCHEMA "public" TO "no_owner";/,
  })
  await server.run(
    url,
    'GRANT USAGE, CREATE ON SCHEMA public TO no_owner',
    'CREATE TABLE other ()',
    'CREATE TABLE "SequelizeMeta" (name text PRIMARY KEY, checksum text)',
    'GRANT SELECT ON "SequelizeMeta" TO no_owner',
  )
  t.match((await runUp(asPlain, folder)).error, {
    code: 'PRIVILEGE_MISSING',
    message: /belongs to postgres/,
    hint: /GRANT "postgres" TO "no_owner"/,
  })
  await server.run(url, 'ALTER TABLE other OWNER TO no_owner', 'ALTER TABLE "SequelizeMeta" OWNER TO no_owner')
  t.match(await runUp(asPlain, folder), { error: undefined })
})

t.test('a schema other than public has tables, history and lock of its own', async t => {
  const url = await server.makeDatabase()
  const inHub = `${url}&schema=My%20hub`
  const folder = makeFolder(t, make, 'await context.addColumn("a", "y", "TEXT")')
  t.match((await runUp(inHub, folder)).error, {
    code: 'NO_SUCH_DATABASE',
    hint: /CREATE SCHEMA "My hub" AUTHORIZATION "postgres"/,
  })
  await server.run(url, 'CREATE SCHEMA "My hub"', 'CREATE TABLE public.a (x integer)')
  const { release } = await hold(
    t,
    url,
    "SELECT pg_advisory_xact_lock(hashtext('homelab-migrator'), hashtext('public'))",
  )
  t.match(await runUp(inHub, folder), { error: undefined })
  await release()
  t.strictSame(await server.run(url, 'SELECT x, y FROM "My hub".a'), [
    { x: 1, y: null },
    { x: 2, y: null },
  ])
  t.strictSame(await stateOf(url), { tables: ['a'], recorded: [] }, 'public is as it was')
  t.equal((await server.run(url, 'SELECT * FROM public.a')).length, 0)
})

for (const [title, statement, error] of [
  [
    'a trigger that keeps rows out of it',
    'CREATE TRIGGER t BEFORE INSERT ON "SequelizeMeta" FOR EACH ROW EXECUTE FUNCTION nothing()',
    { code: 'HISTORY_CONFLICT', message: /does not keep what is written into it: look for a trigger/ },
  ],
  [
    'a CHECK that refuses them',
    `ALTER TABLE "SequelizeMeta" ADD CONSTRAINT short CHECK (name = '0001-a')`,
    { code: 'HISTORY_CONFLICT', message: /cannot be written: .*"short"/ },
  ],
  [
    'a trigger that refuses them at COMMIT',
    'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON "SequelizeMeta" INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()',
    { message: /refused at COMMIT/ },
  ],
] as const)
  t.test(`a history with ${title} ends a run, and nothing is changed`, async t => {
    const url = await server.makeDatabase()
    await runUp(url, makeFolder(t, make))
    const before = await stateOf(url)
    await server.run(
      url,
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
      "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused at COMMIT'; END $$",
      statement,
    )
    t.match((await runUp(url, makeFolder(t, make, 'await query("CREATE TABLE b ()")'))).error, error)
    t.strictSame(await stateOf(url), before)
  })

t.test("columns that Umzug's own storage fills may be NULL from the first run on", async t => {
  const url = await server.makeDatabase()
  const required = 'timestamptz NOT NULL'
  await server.run(
    url,
    `CREATE TABLE "SequelizeMeta" (name varchar(255) PRIMARY KEY, "createdAt" ${required}, "updatedAt" ${required})`,
    `INSERT INTO "SequelizeMeta" VALUES ('0001-a.js', now(), now())`,
  )
  t.match(await runUp(url, makeFolder(t, make, 'await query("CREATE TABLE b ()")')), { error: undefined })
  t.strictSame(await stateOf(url), { tables: ['b'], recorded: ['0001-a', '0002-b'] })
})

t.test('a privilege that a migration lacks is told as the user lacks it', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE SCHEMA closed', 'CREATE TABLE closed.x ()', 'CREATE ROLE no_reader LOGIN')
  await server.run(url, 'GRANT CREATE ON SCHEMA public TO no_reader')
  const { error } = await runUp(url.replace('postgres@', 'no_reader@'), makeFolder(t, 'await query("TABLE closed.x")'))
  t.match(error, { code: 'PRIVILEGE_MISSING', message: /this user lacks a privilege in .*permission denied/ })
})

t.test('a database that another program made, or that is ahead, is refused', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE TABLE theirs ()')
  t.match((await runUp(url, makeFolder(t, make))).error, { code: 'HISTORY_CONFLICT', message: /table theirs/ })
  const second = await server.makeDatabase()
  await runUp(second, makeFolder(t, make, 'await query("SELECT 1")'))
  t.match((await runUp(second, makeFolder(t, make))).error, { code: 'DATABASE_AHEAD' })
})

t.test('a twin takes the place of the common text, and its checksum is the one that is recorded', async t => {
  const url = await server.makeDatabase()
  const folder = t.testdir({
    '0001-a.js': up('throw new Error("for files")'),
    '0001-a.postgres.js': up(make),
    '0002-b.js': up('await query("CREATE TABLE b ()")'),
  })
  t.match(await runUp(url, folder), { error: undefined })
  t.strictSame((await stateOf(url)).tables, ['a', 'b'])
  const { readMigrationFiles } = await import('../../src/migrations/files.ts')
  const recorded = await server.run(url, 'SELECT checksum FROM "SequelizeMeta" ORDER BY name')
  t.strictSame(
    recorded.map(({ checksum }) => checksum),
    readMigrationFiles(folder, 'postgres').map(({ checksum }) => checksum),
  )
  t.not(readMigrationFiles(folder)[0]?.checksum, recorded[0]?.checksum)
})
