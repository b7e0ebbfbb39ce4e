/** Online migrations on a server: what comes before one is kept, then it alone, then the rest. */
import { setTimeout } from 'node:timers/promises'
import { Client } from 'pg'
import t from 'tap'
import { Failure } from '../../src/failure.ts'
import { upOnServer } from '../../src/on-server/up.ts'
import { makeFolder, makeServerContext, runCommand, runUp, until } from '../help/on-server.ts'
import { sharedServer } from '../help/postgres.ts'
import { startProgram } from '../help/program.ts'

// a build waits for every other session's snapshot
t.jobs = 1
const server = await sharedServer()

const make =
  'await query("CREATE TABLE a (x integer, y integer)"); await query("INSERT INTO a SELECT i % 50, i FROM generate_series(1, 100) AS i")'
const online = (body: string): string =>
  `export const online = true\nexport const up = async ({ context }) => {\n  ${body}\n}`
const build = online("await context.addIndexConcurrently('a', ['y'], { name: 'a_y' })")
const later = 'await query("CREATE TABLE b ()")'
const breaks = 'await query("CREATE TABLE c ()"); throw new Error("out of luck")'

/** The tables of a database, its indexes but those of keys, and the names that are recorded. */
const stateOf = async (url: string) => {
  const found = await server.run(
    url,
    `SELECT c.relname AS name, c.oid::int8::int AS oid, x.indisvalid AS valid FROM pg_class AS c LEFT JOIN pg_index AS x ON x.indexrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND (c.relkind = 'r' OR x.indisprimary = false) ORDER BY 1`,
  )
  const names = found.map(({ name }) => String(name))
  const recorded = names.includes('SequelizeMeta')
    ? await server.run(url, 'SELECT name FROM "SequelizeMeta" ORDER BY 1')
    : []
  return {
    tables: found.filter(({ valid, name }) => valid === null && name !== 'SequelizeMeta').map(({ name }) => name),
    indexes: found
      .filter(({ valid }) => valid !== null)
      .map(({ name, valid }) => `${name} ${valid ? 'valid' : 'invalid'}`),
    recorded: recorded.map(({ name }) => name),
  }
}

/** Another session that keeps a snapshot, for which every build waits, or the lock of what it reads. */
const keepSnapshot = async (t: { teardown: (work: () => unknown) => void }, url: string, sql = 'SELECT 1') => {
  const client = new Client({ connectionString: url.replace(/\?.*/, '') })
  client.on('error', () => undefined)
  await client.connect()
  t.teardown(() => client.end().catch(() => undefined))
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
  await client.query(sql)
  return { release: () => client.query('COMMIT') }
}
const building = 'SELECT FROM pg_stat_progress_create_index'
const atWork = "SELECT FROM pg_locks WHERE locktype = 'advisory'"
const untilBuilding = (url: string) => until(async () => (await server.run(url, building)).length > 0)

t.test(
  'what comes before an online migration is kept, then it alone, then the rest; then there is nothing to do',
  async t => {
    const url = await server.makeDatabase()
    const folder = makeFolder(t, make, later, build, 'await query("ALTER TABLE b ADD COLUMN z text")')
    const { error, events } = await runUp(url, folder)
    t.equal(error, undefined)
    t.strictSame(
      events.map(({ event, schema, name }) => [event, name ?? schema]),
      [
        ['migration.applied', '0001-a'],
        ['migration.applied', '0002-b'],
        ['online.kept', '0002-b'],
        ['migration.applied', '0003-c'],
        ['online.kept', '0003-c'],
        ['migration.applied', '0004-d'],
        ['up.done', '0004-d'],
      ],
    )
    t.match(events.at(-1), { applied: 4 })
    t.strictSame(await stateOf(url), {
      tables: ['a', 'b'],
      indexes: ['a_y valid'],
      recorded: ['0001-a', '0002-b', '0003-c', '0004-d'],
    })
    t.match(await runUp(url, folder), { error: undefined, events: [{ event: 'up.nothing', schema: '0004-d' }] })
  },
)

t.test('a failure after an online migration names what is kept, and undoes the rest', async t => {
  const url = await server.makeDatabase()
  const { error } = await runUp(url, makeFolder(t, make, build, later, breaks))
  t.match(error, {
    code: 'MIGRATION_FAILED',
    message: /0004-d failed at .*: out of luck/,
    hint: /^0002-b and what came before it are kept\. /,
  })
  t.notMatch(error, { hint: /rolled back/ })
  t.strictSame(await stateOf(url), { tables: ['a'], indexes: ['a_y valid'], recorded: ['0001-a', '0002-b'] })
})

t.test('a failure before one undoes all of that transaction, and so does one of the migration itself', async t => {
  const url = await server.makeDatabase()
  const before = await runUp(url, makeFolder(t, make, breaks, build))
  t.match(before.error, { code: 'MIGRATION_FAILED', hint: /^No migration is applied\./ })
  t.strictSame(await stateOf(url), { tables: [], indexes: [], recorded: [] })

  const unique = online("await context.addIndexConcurrently('a', { fields: ['x'], name: 'a_x', unique: true })")
  const { error } = await runUp(url, makeFolder(t, make, unique, later))
  t.match(error, {
    code: 'MIGRATION_FAILED',
    message: /0002-b failed: could not create unique index/,
    hint: /^0001-a and/,
  })
  t.strictSame(
    await stateOf(url),
    { tables: ['a'], indexes: [], recorded: ['0001-a'] },
    'not even the invalid index that the server leaves',
  )
})

t.test('an invalid index that a killed build left is built anew: IF NOT EXISTS would accept it', async t => {
  const url = await server.makeDatabase()
  await runUp(url, makeFolder(t, make))
  await t.rejects(server.run(url, 'CREATE UNIQUE INDEX CONCURRENTLY a_y ON a (x)'))
  t.strictSame((await stateOf(url)).indexes, ['a_y invalid'])
  t.match(await runUp(url, makeFolder(t, make, build)), { error: undefined })
  t.strictSame((await stateOf(url)).indexes, ['a_y valid'])
  t.match(await server.run(url, "SELECT pg_get_indexdef('a_y'::regclass) AS it"), [{ it: /^CREATE INDEX .*\(y\)$/ }])
})

t.test('an index that a killed run built and did not record is recorded as it is', async t => {
  const url = await server.makeDatabase()
  await runUp(url, makeFolder(t, make))
  await server.run(url, 'CREATE INDEX a_part ON a USING btree (y DESC, abs(x)) WHERE x > 3')
  const oid = "SELECT 'a_part'::regclass::oid::int8::int AS oid"
  const [before] = await server.run(url, oid)
  const body = `const { Op, fn, col } = (await import('sequelize')).default
    await context.addIndexConcurrently('a', {
      fields: [{ name: 'y', order: 'DESC' }, fn('abs', col('x'))], name: 'a_part', where: { x: { [Op.gt]: 3 } } })`
  t.match(await runUp(url, makeFolder(t, make, online(body))), { error: undefined })
  t.strictSame(await server.run(url, oid), [before])
  t.strictSame((await stateOf(url)).recorded, ['0001-a', '0002-b'])
})

for (const [title, prepare, message] of [
  ['another index', 'CREATE INDEX a_y ON a (x)', /a_y already exists, and is a different one: CREATE INDEX a_y/],
  ['a unique one of the same columns', 'CREATE UNIQUE INDEX a_y ON a (y)', /a different one: CREATE UNIQUE/],
  ['an index of another table', 'CREATE TABLE o (y integer); CREATE INDEX a_y ON o (y)', /taken by an index of o/],
  ['a table', 'CREATE TABLE a_y ()', /the name a_y is taken$/],
] as const) {
  t.test(`where ${title} has the name, the migration fails, and it stays`, async t => {
    const url = await server.makeDatabase()
    await runUp(url, makeFolder(t, make))
    await server.run(url, ...prepare.split('; '))
    const before = await stateOf(url)
    const { error } = await runUp(url, makeFolder(t, make, build))
    t.match(error, { code: 'MIGRATION_FAILED' })
    t.match((error as Error).message, message)
    t.strictSame(await stateOf(url), before)
  })
}

t.test('others read and write the table while its index is built, and runs that wait do not hold it up', async t => {
  const url = await server.makeDatabase()
  await runUp(url, makeFolder(t, make))
  const { release } = await keepSnapshot(t, url)
  const folder = makeFolder(t, make, build, later)
  const running = Array.from({ length: 6 }, () => runUp(url, folder))
  await untilBuilding(url)
  await t.resolves(server.run(url, "SET statement_timeout = '5s'", 'INSERT INTO a VALUES (1, 1)', 'SELECT FROM a'))
  await release()
  const outcomes = await Promise.all(running)
  t.strictSame(
    outcomes.map(({ error }) => error).filter(error => error !== undefined),
    [],
  )
  const applied = outcomes.flatMap(({ events }) => events.filter(({ event }) => event === 'migration.applied'))
  t.strictSame(applied.map(({ name }) => name).sort(), ['0002-b', '0003-c'])
  t.strictSame((await stateOf(url)).indexes, ['a_y valid'])
})

t.test('the server goes on with the build of a killed run: the next run waits for it, and records it', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, make, build, later)
  const settings = { DATABASE_URL: url, MIGRATOR_MIGRATIONS: folder, MIGRATOR_LOCK_TIMEOUT: '20' }
  await runUp(url, makeFolder(t, make))
  const { release } = await keepSnapshot(t, url)
  const { child, outcome } = startProgram([], settings)
  await untilBuilding(url)
  child.kill('SIGKILL')
  await outcome
  t.strictSame(await stateOf(url), { tables: ['a'], indexes: ['a_y invalid'], recorded: ['0001-a'] })

  const controller = new AbortController()
  const context = await makeServerContext(url, folder, {}, controller.signal)
  const stopped = t.rejects(upOnServer(context, undefined), { code: 'SIGTERM' })
  await until(async () => context.events.some(({ event }) => event === 'index.waiting'))
  controller.abort(new Failure('SIGTERM', 'stopped', ''))
  await stopped
  const busy = await runUp(url, folder, { MIGRATOR_LOCK_TIMEOUT: '1' })
  t.match(busy.error, { code: 'DATABASE_BUSY', exitCode: 20, message: /still builds the index a_y/ })
  const next = runUp(url, folder)
  await setTimeout(300)
  await release()
  t.match(await next, { error: undefined, events: [{ event: 'index.waiting', index: 'a_y' }] })
  t.strictSame(await stateOf(url), {
    tables: ['a', 'b'],
    indexes: ['a_y valid'],
    recorded: ['0001-a', '0002-b', '0003-c'],
  })
})

t.test('a connection that is lost during a build is not the fault of the migration: the run begins anew', async t => {
  const url = await server.makeDatabase()
  await runUp(url, makeFolder(t, make))
  const { release } = await keepSnapshot(t, url)
  const running = runUp(url, makeFolder(t, make, build))
  await untilBuilding(url)
  await server.run(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  await release()
  t.match(await running, { error: undefined, events: [{ event: 'run.again', reason: /cannot be reached/ }] })
  t.strictSame(await stateOf(url), { tables: ['a'], indexes: ['a_y valid'], recorded: ['0001-a', '0002-b'] })
})

t.test('killed anywhere, the database is after a whole migration, and the next run ends it', async t => {
  const folder = makeFolder(t, make, build, `${later}; await query("SELECT pg_sleep(0.1)")`)
  const whole = ['0001-a', '0002-b', '0003-c']
  // at its start, right after each commit, and in the build
  for (const point of [0, 1, 2, 3, 'build'] as const) {
    const url = await server.makeDatabase()
    const held = point === 'build' ? await keepSnapshot(t, url) : undefined
    const { child, outcome } = startProgram([], { DATABASE_URL: url, MIGRATOR_MIGRATIONS: folder })
    if (point === 'build') await untilBuilding(url)
    else if (point === 0) await until(async () => (await server.run(url, atWork)).length > 0)
    else await until(async () => (await stateOf(url)).recorded.length >= point)
    child.kill('SIGKILL')
    await outcome
    const { tables, indexes, recorded } = await stateOf(url)
    await held?.release()
    t.strictSame(recorded, whole.slice(0, recorded.length))
    t.strictSame(tables, ['a', 'b'].slice(0, [0, 1, 1, 2][recorded.length]))
    if (recorded.length > 1) t.strictSame(indexes, ['a_y valid'])
    t.match(await runUp(url, folder), { error: undefined })
    t.strictSame(await stateOf(url), { tables: ['a', 'b'], indexes: ['a_y valid'], recorded: whole })
  }
})

t.test('a run that begins anew before its first commit says from where', async t => {
  const url = await server.makeDatabase()
  const ends = `if (!globalThis.hasEnded) {
    globalThis.hasEnded = true
    await query("SELECT pg_terminate_backend(pg_backend_pid())")
  }`
  const { error, events } = await runUp(url, makeFolder(t, `${make}; ${ends}`, build))
  t.equal(error, undefined)
  t.match(events[0], { event: 'run.again', message: /^starting the run again, from the first migration on: / })
  t.strictSame((await stateOf(url)).recorded, ['0001-a', '0002-b'])
})

t.test('an online migration may have nothing to do, and may return what it got', async t => {
  const url = await server.makeDatabase()
  t.match(await runUp(url, makeFolder(t, make, online('return context'))), { error: undefined })
  t.strictSame(await stateOf(url), { tables: ['a'], indexes: [], recorded: ['0001-a', '0002-b'] })
})

for (const [title, body, message] of [
  ['runs a statement', 'await query("DELETE FROM a")', /addIndexConcurrently .* and nothing else, not sequelize/],
  ['calls anything else', "await context.removeColumn('a', 'x')", /nothing else, not removeColumn/],
  [
    'makes two steps',
    "for (const c of ['x', 'y']) await context.addIndexConcurrently('a', [c])",
    /is one step: the second, addIndexConcurrently/,
  ],
  ['does not await its step', "context.addIndexConcurrently('a', ['x']).catch(() => undefined)", /await every call/],
  [
    'catches the error of its step',
    "await context.addIndexConcurrently('a', ['nowhere']).catch(() => undefined)",
    /"nowhere" does not exist/,
  ],
  [
    'asks for a name that the server would cut off',
    "await context.addIndexConcurrently('a', ['x'], { name: 'n'.repeat(64) })",
    /longer than 63 bytes/,
  ],
] as const) {
  t.test(`an online migration that ${title} fails`, async t => {
    const url = await server.makeDatabase()
    await runUp(url, makeFolder(t, make))
    const folder = makeFolder(
      t,
      make,
      `export const online = true\nexport const up = async ({ context }) => {
      const query = sql => context.sequelize.query(sql)
      ${body}
    }`,
    )
    t.match((await runUp(url, folder)).error, { code: 'MIGRATION_FAILED', message })
    t.match(await stateOf(url), { tables: ['a'], recorded: ['0001-a'] })
    if (title !== 'runs a statement') return
    t.match(await runCommand(url, 'plan', folder), { failure: 'MIGRATION_FAILED', error: { message } })
  })
}

t.test('an index is built concurrently in an online migration alone', async t => {
  const url = await server.makeDatabase()
  for (const call of [
    "context.addIndexConcurrently('a', ['x'])",
    "context.removeIndexConcurrently('a', 'a_x')",
    "context.addIndex('a', ['x'], { concurrently: true })",
  ]) {
    const { error } = await runUp(url, makeFolder(t, `${make}; await ${call}`))
    t.match(error, { code: 'MIGRATION_FAILED', message: /export const online = true/ }, call)
  }
})

t.test('an index is dropped concurrently, and one that a killed run has dropped is gone', async t => {
  const url = await server.makeDatabase()
  const drop = online("await context.removeIndexConcurrently('a', ['y'])")
  t.match(await runUp(url, makeFolder(t, make, build, drop)), { error: undefined })
  t.strictSame((await stateOf(url)).recorded.length, 3)
  const second = await server.makeDatabase()
  await runUp(second, makeFolder(t, make, build))
  await server.run(second, 'DROP INDEX a_y')
  t.match(await runUp(second, makeFolder(t, make, build, drop)), { error: undefined })
  t.strictSame((await stateOf(second)).recorded.length, 3)
  const other = online("await context.removeIndexConcurrently('b', 'a_y')")
  const fails = await runUp(url, makeFolder(t, make, build, drop, build, `${later}`, other))
  t.match(fails.error, { code: 'MIGRATION_FAILED', message: /a_y is no index of b/, hint: /^0005-e and/ })
})

t.test('a schema other than public is meant, whatever the search_path of the role', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE SCHEMA hub', 'CREATE TABLE public.a (y integer)')
  t.match(await runUp(`${url}&schema=hub`, makeFolder(t, make, build)), { error: undefined })
  t.match(await server.run(url, "SELECT schemaname AS s FROM pg_indexes WHERE indexname = 'a_y'"), [{ s: 'hub' }])
})

t.test("a role's statement_timeout holds for a build, and is named with what mends it", async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE ROLE hasty LOGIN', "ALTER ROLE hasty SET statement_timeout = '300ms'")
  await server.run(url, 'GRANT CREATE ON SCHEMA public TO hasty')
  const asHasty = url.replace('postgres@', 'hasty@')
  await runUp(asHasty, makeFolder(t, make))
  const { release } = await keepSnapshot(t, url)
  const { error } = await runUp(asHasty, makeFolder(t, make, build))
  t.match(error, {
    code: 'MIGRATION_FAILED',
    message: /it is 300ms for this role \(ALTER ROLE "hasty" SET statement_timeout = 0\)/,
  })
  await release()
  await server.run(url, 'ALTER ROLE hasty SET statement_timeout = 0')
  t.match(await runUp(asHasty, makeFolder(t, make, build)), { error: undefined })
  await server.run(url, "ALTER ROLE hasty SET statement_timeout = '300ms'")
  const reader = await keepSnapshot(t, url, 'SELECT FROM a')
  const drop = online("await context.removeIndexConcurrently('a', 'a_y')")
  t.match(await runUp(asHasty, makeFolder(t, make, build, drop)), { error: { message: /it is 300ms for this role/ } })
  await reader.release()
})

t.test('a build that somebody cancels fails with what the server says, and leaves no index', async t => {
  const url = await server.makeDatabase()
  await runUp(url, makeFolder(t, make))
  await keepSnapshot(t, url)
  const running = runUp(url, makeFolder(t, make, build))
  await untilBuilding(url)
  await server.run(url, building.replace('SELECT', 'SELECT pg_cancel_backend(pid)'))
  const { error } = await running
  t.match(error, { code: 'MIGRATION_FAILED', message: /canceling statement due to user request/ })
  t.notMatch(error, { message: /for this role/ })
  t.strictSame(await stateOf(url), { tables: ['a'], indexes: [], recorded: ['0001-a'] })
})

t.test('plan shows where a run commits, the statement as it runs, and the lock that it takes', async t => {
  const url = await server.makeDatabase()
  const folder = makeFolder(t, make, build, later)
  await runUp(url, makeFolder(t, make))
  const { stdout } = await runCommand(url, 'plan', folder)
  t.match(stdout, /-- online: what comes before 0002-b is committed, then it alone, then the rest\n0002-b: /)
  t.match(stdout, /CREATE INDEX CONCURRENTLY "a_y" ON "a" \("y"\); {2}-- .*ShareUpdateExclusiveLock of a\n/)
  const json = JSON.parse((await runCommand(url, 'plan --json', folder)).stdout)
  t.match(json.migrations, [{ name: '0002-b', online: true, findings: [] }, { name: '0003-c' }])
  t.notOk('online' in json.migrations[1])
  const { stdout: script } = await runCommand(url, 'plan --sql', folder)
  t.match(script, /COMMIT;\n\n-- 0002-b, online\nSET search_path = "public";\nCREATE INDEX CONCURRENTLY "a_y"/)
  t.equal(script.match(/^BEGIN;$/gm)?.length, script.match(/^COMMIT;$/gm)?.length)
  const { stdout: last } = await runCommand(url, 'plan --sql', makeFolder(t, make, build))
  t.match(last, /RESET search_path;\nBEGIN;\n(?:S.*\n)+INSERT INTO "SequelizeMeta" .*0002-b.*\n\nCOMMIT;\n$/)
  t.strictSame((await stateOf(url)).indexes, [])
})

t.test('lint, verify, down and redo know it: on trial it is an ordinary index', async t => {
  const url = await server.makeDatabase()
  const undo = `${build}\nexport const down = ({ context }) => context.removeIndex('a', 'a_y')`
  const folder = makeFolder(t, make, undo)
  const linted = await runCommand(url, 'lint --json', folder)
  t.notMatch(linted.stdout, /concurrent/)
  t.match(
    (await runCommand(url, 'lint --json', makeFolder(t, make, "await context.addIndex('a', ['y'])"))).stdout,
    /require-concurrent-index-creation/,
  )
  await runUp(url, folder)
  t.match(await runCommand(url, 'verify', folder), { exitCode: 0 })
  t.match(await runCommand(url, 'redo --yes', folder), { exitCode: 0 })
  t.strictSame((await stateOf(url)).indexes, ['a_y valid'])
  t.match(await runCommand(url, 'down --yes', folder), { exitCode: 0 })
  t.strictSame((await stateOf(url)).indexes, [])
})
