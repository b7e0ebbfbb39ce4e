/** Connections to a server: which host, who, how encrypted, and what a lost answer means. */
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { commitSurely } from '../../src/postgres/commit.ts'
import { connect } from '../../src/postgres/connect.ts'
import { mayPass, toFailure } from '../../src/postgres/errors.ts'
import { unsuitable } from '../../src/postgres/suitable.ts'
import { readServerUrl } from '../../src/server.ts'
import { makeBundle } from '../help/bundled.ts'
import { makeCertificate, noOpenssl } from '../help/certificate.ts'
import { makePostgres } from '../help/engine-postgres.ts'
import { loadedBy, runAlone } from '../help/loaded.ts'
import { makeFolder, runUp } from '../help/on-server.ts'
import { startServer } from '../help/postgres.ts'
import { startProxy, startTls } from '../help/proxy.ts'

// one of them changes a setting of the server
t.jobs = 1
const server = await startServer('wal_level=replica')
t.teardown(() => server.stop())

const make = 'await query("CREATE TABLE a (x integer)"); await query("INSERT INTO a VALUES (1), (2)")'
const fast = { MIGRATOR_LOCK_TIMEOUT: '0' }

const open = async (t: Pick<Test, 'teardown'>, url: string) => {
  const connection = await connect(readServerUrl(url, undefined), 'write', undefined)
  t.teardown(connection.close)
  return connection
}
const throughProxy = (url: string, port: number): string => url.replace(`:${server.port}/`, `:${port}/`)

for (const [title, cut, again] of [
  ['holds is found in the history: nothing is done twice', 'after', false],
  ['was never given is found missing: the run begins anew', 'before', true],
] as const) {
  t.test(`a COMMIT without an answer that ${title}`, async t => {
    const url = await server.makeDatabase()
    let cuts = 0
    const proxy = await startProxy(server.port, sent => {
      if (!sent.includes('COMMIT\0') || cuts > 0) return undefined
      cuts += 1
      return cut
    })
    t.teardown(proxy.stop)
    const outcome = await runUp(throughProxy(url, proxy.port), makeFolder(t, make))
    t.match(outcome, { error: undefined })
    t.equal(cuts, 1)
    t.equal(outcome.has('run.again'), again)
    t.equal((await server.run(url, 'SELECT FROM a')).length, 2)
  })
}

t.test(
  'a transaction takes no more statements from the moment at which one fails, until it is rolled back',
  async t => {
    const url = await server.makeDatabase()
    const connection = await open(t, url)
    t.equal(connection.isInTransaction(), false)
    await connection.query('BEGIN')
    await connection.query('SAVEPOINT s')
    for (let tries = 0; tries < 20; tries += 1) {
      t.equal(connection.isInTransaction(), true)
      const told = await connection.query('SELECT 1 / 0').catch(() => connection.isInTransaction())
      t.equal(told, false)
      await connection.query('ROLLBACK TO s')
    }
    await connection.query('ROLLBACK')
    t.equal(connection.isInTransaction(), false)
  },
)

t.test(
  'a COMMIT that is answered by ROLLBACK, since a statement of nobody failed just before, is an error',
  async t => {
    const url = await server.makeDatabase()
    const connection = await open(t, url)
    await connection.query('BEGIN')
    await connection.query('CREATE TABLE a (x integer)')
    const query: typeof connection.query = async (sql, ...more) => {
      if (sql === 'COMMIT') await connection.query('nonsense').catch(() => undefined)
      return connection.query(sql, ...more)
    }
    const { signal } = new AbortController()
    const means = { before: '', spare: async () => connection, timeout: 5, signal }
    await t.rejects(commitSurely({ ...connection, query }, means), { message: /had failed, and was rolled back/ })
    t.equal((await server.run(url, "SELECT FROM pg_class WHERE relname = 'a'")).length, 0)
  },
)

t.test('a COMMIT without an answer from a server that is gone ends with 20, and the next run knows', async t => {
  const url = await server.makeDatabase()
  let isGone = false
  const proxy = await startProxy(server.port, sent => {
    if (isGone) return 'before'
    isGone = sent.includes('COMMIT\0')
    return isGone ? 'after' : undefined
  })
  t.teardown(proxy.stop)
  const folder = makeFolder(t, make)
  const { error } = await runUp(throughProxy(url, proxy.port), folder, { MIGRATOR_LOCK_TIMEOUT: '2' })
  t.match(error, { code: 'COMMIT_UNKNOWN', exitCode: 20 })
  t.match(await runUp(url, folder), { error: undefined, events: [{ event: 'up.nothing' }] })
})

t.test('a COMMIT without an answer after which the user is not let in any more ends with 20, too', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE ROLE leaver LOGIN SUPERUSER')
  const proxy = await startProxy(server.port, sent => (sent.includes('COMMIT\0') ? 'after' : undefined))
  t.teardown(proxy.stop)
  const folder = makeFolder(t, make, 'await query("ALTER ROLE leaver NOLOGIN")')
  const asLeaver = throughProxy(url, proxy.port).replace('postgres@', 'leaver@')
  const { error } = await runUp(asLeaver, folder, { MIGRATOR_LOCK_TIMEOUT: '2' })
  t.match(error, { code: 'COMMIT_UNKNOWN', exitCode: 20, message: /the server cannot be asked/ })
  t.match(await runUp(url, folder), { error: undefined, events: [{ event: 'up.nothing' }] })
})

t.test('a COMMIT without an answer of which the history tells nothing is unknown at once', async t => {
  const url = await server.makeDatabase()
  const proxy = await startProxy(server.port, sent => (sent.includes('COMMIT\0') ? 'after' : undefined))
  t.teardown(proxy.stop)
  const engine = await makePostgres(throughProxy(url, proxy.port))
  const session = await engine.open()
  const error = await session.transaction(async () => undefined).catch(error => error)
  t.match(error, { code: 'COMMIT_UNKNOWN', message: /: the answer to COMMIT was lost$/ })
  t.equal(engine.isUncertain(error), true)
  t.equal(engine.isUncertain(new Error('of something else')), false)
})

t.test('a synchronous standby that is gone ends the wait for COMMIT with 20 at the timeout', async t => {
  const url = await server.makeDatabase()
  const reload = (names: string) =>
    server.run(url, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`, 'SELECT pg_reload_conf()')
  await reload('gone')
  t.teardown(() => reload(''))
  const folder = makeFolder(t, make)
  const { error } = await runUp(url, folder, { MIGRATOR_LOCK_TIMEOUT: '2' })
  t.match(error, { code: 'COMMIT_UNKNOWN', exitCode: 20, message: /was not answered in 2 s/ })
  await reload('')
  t.match(await runUp(url, folder), { error: undefined })
  t.equal((await server.run(url, 'SELECT FROM a')).length, 2, 'it was done once')
})

for (const [title, at] of [
  ['where a migration writes', 'INSERT INTO a'],
  ['where the history is read', 'SELECT * FROM "public"."SequelizeMeta"'],
  ['where the history is written', 'INSERT INTO "public"."SequelizeMeta"'],
  ['where rows are looked for that may be gone', 'BEGIN READ ONLY'],
] as const)
  t.test(`a connection that is cut ${title} begins the run anew, each time that it is`, async t => {
    const replaces = 'await query("DELETE FROM a WHERE x = 2"); await query("INSERT INTO a VALUES (2)")'
    let isCut = true
    for (let place = 1; isCut; place += 1) {
      const url = await server.makeDatabase()
      await runUp(url, makeFolder(t, make))
      let seen = 0
      const proxy = await startProxy(server.port, sent => {
        if (!sent.includes(at)) return undefined
        seen += 1
        return seen === place ? 'after' : undefined
      })
      t.match(await runUp(throughProxy(url, proxy.port), makeFolder(t, make, replaces)), { error: undefined })
      await proxy.stop()
      isCut = seen >= place
      t.ok(isCut || place > 1)
      t.equal((await server.run(url, 'SELECT FROM a')).length, 2)
      t.equal((await server.run(url, 'SELECT FROM "SequelizeMeta"')).length, 2)
    }
  })

t.test('the first host that answers as a primary is used', async t => {
  const url = await server.makeDatabase()
  const hosts = url.replace('127.0.0.1:', `127.0.0.1:1,localhost:${server.port},127.0.0.1:`)
  t.match(await runUp(hosts, makeFolder(t, make), fast), { error: undefined })
})

t.test('encryption is used where the server has it, and refused where it has to be there', async t => {
  const url = await server.makeDatabase()
  t.match(await runUp(url.replace('disable', 'prefer'), makeFolder(t, make), fast), { error: undefined })
  for (const mode of ['require', 'verify-ca', 'verify-full'])
    t.match((await runUp(url.replace('disable', mode), makeFolder(t, make), fast)).error, {
      code: 'DATABASE_UNREACHABLE',
      message: /SSL/,
      hint: /sslmode/,
    })
})

t.test('a certificate is checked as sslmode says: by who signed it, and by its name', { skip: noOpenssl }, async t => {
  const { certificate, pair } = makeCertificate(t.testdir({}))
  const front = await startTls(server.port, pair)
  t.teardown(front.stop)
  const url = throughProxy(await server.makeDatabase(), front.port)
  const folder = makeFolder(t, make)
  const runAs = (mode: string, more = {}) => runUp(url.replace('disable', mode), folder, { ...fast, ...more })
  const known = { PGSSLROOTCERT: certificate }
  const refused = { error: { code: 'DATABASE_UNREACHABLE', message: /over TLS/ } }
  t.match(await runAs('verify-ca'), refused)
  t.match(await runAs('verify-full', known), refused)
  t.match(await runAs('verify-ca', known), { error: undefined })
  t.match(await runAs('require'), { error: undefined })
})

t.test('what cannot pass ends a run at once, and no line of it has the password', async t => {
  const url = await server.makeDatabase()
  await server.requirePassword('guarded')
  const cases = [
    [url.replace('postgres@', 'guarded:s3cret@'), 'PRIVILEGE_MISSING'],
    [url.replace('postgres@', 'nobody:s3cret@'), 'PRIVILEGE_MISSING'],
    [url.replace(/\/test_\w+/, '/nowhere').replace('postgres@', 'postgres:s3cret@'), 'NO_SUCH_DATABASE'],
  ] as const
  for (const [wrong, code] of cases) {
    const { error, events } = await runUp(wrong, makeFolder(t, make))
    t.match(error, { code })
    t.strictSame(events, [], 'it does not begin anew')
    t.notMatch(inspect(error), /s3cret/)
  }
})

t.test('the image logs in by SCRAM and by md5, and has three files loaded when there is nothing to do', async t => {
  const url = await server.makeDatabase()
  const folder = t.testdir()
  const main = makeBundle(folder)
  const migrations = makeFolder(t, make)
  const envOf = (user: string) => ({
    DATABASE_URL: url.replace('postgres@', `${user}@`),
    MIGRATOR_MIGRATIONS: migrations,
  })
  await server.requirePassword('by_scram')
  await server.requirePassword('by_md5', 'md5')
  await server.run(url, 'ALTER ROLE by_scram SUPERUSER', 'ALTER ROLE by_md5 SUPERUSER')
  t.match(runAlone(envOf('by_scram:right'), main), { status: 0, stderr: /1 applied/ })
  t.match(runAlone(envOf('by_md5:right'), main), { status: 0, stderr: /nothing to do/ })
  for (const user of ['by_scram:wrong', 'by_md5:wrong'])
    t.match(runAlone(envOf(user), main), { status: 12, stderr: /password authentication failed/ })
  const { files } = loadedBy(envOf('by_scram:right'), folder, main)
  t.strictSame(
    files.filter(file => !file.startsWith('node:')),
    ['dist/main.cjs', 'dist/on-server.cjs', 'dist/shared.cjs'],
  )
  const { builtins } = loadedBy(envOf('postgres'), folder, main)
  t.strictSame(
    builtins.filter(name => /crypto|tls|dns|async_hooks|timers\/promises/.test(name)),
    [],
    'and without a password no cryptography',
  )
})

t.test('a host that nobody answers at is told, with the address and without the password', async t => {
  const { error } = await runUp('postgres://h:s3cret@127.0.0.1:1/x', makeFolder(t, make), fast)
  t.match(error, {
    code: 'DATABASE_UNREACHABLE',
    exitCode: 10,
    message: /postgres:\/\/127\.0\.0\.1:1\/x.*ECONNREFUSED/,
  })
  t.notMatch(inspect(error), /s3cret/)
  const unknown = await runUp('postgres://h@no-such-host.invalid/x', makeFolder(t, make), fast)
  t.match(unknown.error, { code: 'DATABASE_UNREACHABLE' })
})

t.test('a standby is read from, and refuses to be changed', async t => {
  const url = await server.makeDatabase()
  t.match(await runUp(url, makeFolder(t, make)), { error: undefined })
  const standby = await server.makeStandby()
  t.teardown(() => standby.stop())
  const onStandby = throughProxy(url, standby.port)
  const { error } = await runUp(onStandby, makeFolder(t, make, 'await query("SELECT 1")'), fast)
  t.match(error, { code: 'DATABASE_READ_ONLY', exitCode: 12, hint: /primary/ })
  const engine = await makePostgres(onStandby)
  t.match(await engine.read('wait', reader => reader.history()), [{ name: '0001-a' }])
  const down = onStandby.replace(/:(\d+)\/(?=test)/, ':$1,127.0.0.1:1/')
  t.match((await runUp(down, makeFolder(t, make, 'await query("SELECT 1")'), fast)).error, {
    code: 'DATABASE_READ_ONLY',
  })
  const both = url.replace('127.0.0.1:', `127.0.0.1:${standby.port},127.0.0.1:`)
  t.match(await runUp(both, makeFolder(t, make, 'await query("SELECT 1")'), fast), { error: undefined })
})

for (const [message, code, again] of [
  ['server conn crashed?', 'DATABASE_UNREACHABLE', true],
  ['server login has been failing, try again later (server_login_retry)', 'DATABASE_UNREACHABLE', true],
  ['query_wait_timeout', 'DATABASE_UNREACHABLE', true],
  ['no more connections allowed (max_client_conn)', 'DATABASE_UNREACHABLE', true],
  ['the database system is starting up', 'DATABASE_UNREACHABLE', true],
  ['SASL authentication failed', 'PRIVILEGE_MISSING', false],
  ['no such user: nobody', 'PRIVILEGE_MISSING', false],
  ['no such database: nowhere', 'NO_SUCH_DATABASE', false],
  ['transaction blocks not allowed in statement pooling mode', 'DATABASE_UNREACHABLE', false],
] as const)
  t.test(`PgBouncer has one code for all that it says; "${message}" means ${code}`, async t => {
    const error = Object.assign(new Error(message), { code: '08P01' })
    t.match(toFailure(error, 'db'), { code, message: /08P01/ })
    t.equal(mayPass(error), again)
  })

for (const [state, code, message, again] of [
  ['28P01', 'PRIVILEGE_MISSING', /db does not let this user in/, false],
  ['3D000', 'NO_SUCH_DATABASE', /there is no database db/, false],
  ['42501', 'PRIVILEGE_MISSING', /this user lacks a privilege in db/, false],
  ['53100', 'DISK_FULL', /the disk of the server of db is full/, false],
  ['25006', 'DATABASE_READ_ONLY', /db is read-only now/, true],
  ['55P03', 'DATABASE_BUSY', /another session of db holds a lock/, true],
  ['57P01', 'DATABASE_UNREACHABLE', /db cannot be reached/, true],
] as const)
  t.test(`SQLSTATE ${state} means ${code}`, async t => {
    const error = Object.assign(new Error('first line\nDETAIL: of rows'), { code: state })
    t.match(toFailure(error, 'db'), { code, message })
    t.match(toFailure(error, 'db'), { message: new RegExp(`first line \\(${state}\\)$`) })
    t.equal(mayPass(error), again)
  })

t.test(
  'a server that is none of PostgreSQL is refused when it is connected to, and so is a worker of Citus',
  async t => {
    const url = await server.makeDatabase()
    const name = new URL(url).pathname.slice(1)
    await server.run(
      url,
      "CREATE FUNCTION version() RETURNS text LANGUAGE sql AS $$ SELECT 'CockroachDB CCL v23.1.11' $$",
      `ALTER DATABASE ${name} SET search_path = public, pg_catalog`,
    )
    const connecting = () => connect(readServerUrl(url, undefined), 'write', undefined)
    await t.rejects(connecting(), {
      ...{ code: 'SERVER_UNSUITABLE', exitCode: 13 },
      message: /cannot be migrated safely: CockroachDB/,
      hint: /Use PostgreSQL 14 or later/,
    })
    await server.run(
      url,
      'DROP FUNCTION public.version()',
      'SET allow_system_table_mods = on',
      'CREATE TABLE pg_catalog.pg_dist_local_group (groupid integer)',
      'INSERT INTO pg_catalog.pg_dist_local_group VALUES (7)',
      "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion) VALUES (99999, 'citus', 10, 11, false, '13')",
    )
    await t.rejects(connecting(), { code: 'SERVER_UNSUITABLE', message: /is a Citus worker/, hint: /coordinator/ })
    await server.run(url, 'UPDATE pg_catalog.pg_dist_local_group SET groupid = 0')
    await (await connecting()).close()
  },
)

t.test('a schema that is not there is empty', async t => {
  const engine = await makePostgres(`${await server.makeDatabase()}&schema=nowhere`)
  t.equal(await engine.preflight(), 'empty')
  t.equal(await engine.read('wait', reader => reader.isEmpty()), true)
})

for (const [title, facts, reason] of [
  ['PostgreSQL 13', { number: 130_012 }, /PostgreSQL 13/],
  ['CockroachDB', { version: 'CockroachDB CCL v23.1.11' }, /CockroachDB/],
  [
    'YugabyteDB without transactional DDL',
    { version: 'PostgreSQL 15.2-YB-2.25.0.0-b0', transactionalDdl: 'off' },
    /YugabyteDB/,
  ],
] as const) {
  t.test(`${title} is refused by what it says of itself`, async t => {
    const postgres = {
      version: 'PostgreSQL 18.4',
      number: 180_004,
      standby: false,
      transactionalDdl: null,
      citus: false,
    }
    t.match(unsuitable({ ...postgres, ...facts }), reason)
    t.equal(unsuitable(postgres), undefined)
  })
}
