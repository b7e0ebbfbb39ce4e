/** What a hub gets on a server: the same models, which give the same JSON as on a file. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Op as Op7 } from '@sequelize/core'
import { Op } from 'sequelize'
import t, { type Test } from 'tap'
import { up } from '../../src/commands/up.ts'
import * as models from '../../src/hub/models.ts'
import type * as models7 from '../../src/hub/models-v7.ts'
import { connectPostgres as connectPostgres7 } from '../../src/hub/postgres-v7.ts'
import { openReady } from '../../src/hub/ready.ts'
import { openReady as openReady7 } from '../../src/hub/ready-v7.ts'
import { connectPostgres } from '../../src/postgres/hub.ts'
import { makeCertificate, noOpenssl } from '../help/certificate.ts'
import { makeContext } from '../help/context.ts'
import { makeFolder, runUp } from '../help/on-server.ts'
import { sharedServer } from '../help/postgres.ts'
import { root } from '../help/program.ts'
import { startTls } from '../help/proxy.ts'

// both models are bound to one database at a time
t.jobs = 1
const server = await sharedServer('timezone=Asia/Kolkata')
const migrations = join(root, 'migrations')

const makeReady = async (): Promise<string> => {
  const url = await server.makeDatabase()
  await runUp(url, migrations)
  return url
}

const { initModels, Metric, Server } = models
type Version = Readonly<
  { openReady: typeof openReady; Op: typeof Op } & Pick<typeof models, 'initModels' | 'Metric' | 'Server'>
>
const version6: Version = { ...models, openReady, Op }
/** Version 7 binds a model to one database in a process: each gets models of its own. What is called here is the same in both. */
const version7 = async (name: string): Promise<Version> => {
  const models: typeof models7 = await import(`../../src/hub/models-v7.ts?${name}`)
  return { ...models, openReady: openReady7, Op: Op7 } as unknown as Version
}

/** Writes and reads by the models, and gives back what a hub would send as JSON. */
const use = async (t: Test, url: string, { openReady, initModels, Metric, Server, Op }: Version): Promise<unknown> => {
  const { sequelize, close } = await openReady(url)
  t.teardown(close)
  initModels(sequelize)
  await Server.create({
    id: 'a',
    hostname: 'a.lan',
    os_distribution: 'Debian "12"',
    last_seen: new Date('2026-01-18T10:00:00.250+05:00'),
  })
  await Server.create({ id: 'b', hostname: 'b.lan', created_at: new Date(0) })
  const at = (minute: number) => new Date(Date.UTC(2026, 0, 18, 10, minute))
  await Metric.bulkCreate([
    {
      server_id: 'a',
      timestamp: at(0),
      cpu_percent: 12.345678901234,
      network_rx_bytes: 3_000_000_000,
      uptime_seconds: 2 ** 53 - 1,
    },
    {
      server_id: 'a',
      timestamp: at(1),
      memory_total_mb: 16_384,
      network_rx_bytes: '9007199254740993',
      network_tx_bytes: '9223372036854775807',
    },
    { server_id: 'b', timestamp: at(2), load_1m: 0.1 },
  ])
  await Server.update({ status: 'online', tdp_watts: 65 }, { where: { id: 'a' } })
  const servers = await Server.findAll({
    include: 'metrics',
    order: ['id', [{ model: Metric, as: 'metrics' }, 'id', 'ASC']],
  })
  const range = await Metric.findAll({ where: { timestamp: { [Op.gte]: at(1), [Op.lt]: at(2) } } })
  const newest = await Metric.max('timestamp', { where: { server_id: 'a' } })
  const json = JSON.parse(JSON.stringify({ servers, range }))
  // what the database fills in by its clock
  for (const row of json.servers) {
    delete row.updated_at
    if (row.id === 'a') delete row.created_at
  }
  return { json, newest: new Date(String(newest).replace(/ ([\d:.]+)$/, 'T$1Z')).toISOString() }
}

t.test(
  'both engines and both Sequelizes give the same JSON for ids, counters, fractions, times and what is missing',
  async t => {
    const folder = t.testdir({ 6: {}, 7: {} })
    for (const name of ['6', '7']) await up(await makeContext(join(folder, name)), undefined)
    const onFile = await use(t, join(folder, '6/homelab.db'), version6)
    t.strictSame(await use(t, await makeReady(), version6), onFile)
    t.strictSame(await use(t, join(folder, '7/homelab.db'), await version7('file')), onFile)
    t.strictSame(await use(t, await makeReady(), await version7('server')), onFile)
  },
)

t.test('a database is ready when every migration is applied', async t => {
  const url = await server.makeDatabase()
  await t.rejects(openReady(url), { code: 'NOT_READY', message: /0001-create-servers/ })
  await runUp(url, migrations)
  await (await openReady(url)).close()
  const folder = makeFolder(t, 'await query("SELECT 1")')
  await t.rejects(openReady(url, folder), { code: 'OUT_OF_ORDER' })
  await server.run(url, `INSERT INTO "SequelizeMeta" VALUES ('0004-newer', 'sha256:1')`)
  await (await openReady(url)).close()
  await server.run(url, `UPDATE "SequelizeMeta" SET checksum = 'sha256:1'`)
  await t.rejects(openReady(url), { code: 'HISTORY_CONFLICT' })
})

t.test('queries wait minutes for a connection: a migration may have the table that all of them wait for', async t => {
  const url = await server.makeDatabase()
  const [six, seven] = [await connectPostgres(url), await connectPostgres7(url)]
  t.teardown(() => Promise.all([six.close(), seven.close()]))
  t.match(six.config.pool, { acquire: 300_000 })
  t.match(seven.pool.write, { acquireTimeoutMillis: 300_000 })
})

t.test('what keeps a hub from its database is a Failure, without the password', async t => {
  await t.rejects(openReady('postgres://h:s3cret@127.0.0.1:1/x'), {
    code: 'DATABASE_UNREACHABLE',
    message: /^(?!.*s3cret)/,
  })
  const nobody = 'postgres://h:s3cret@127.0.0.1:1/x'
  await t.rejects(connectPostgres(nobody), { code: 'DATABASE_UNREACHABLE' })
  await t.rejects(connectPostgres7(nobody), { code: 'DATABASE_UNREACHABLE' })
  await t.rejects(openReady('postgres://h:s3cret@db'), { code: 'CONFIG_INVALID', message: /^(?!.*s3cret)/ })
})

t.test('a hub goes over TLS where the server has it', { skip: noOpenssl }, async t => {
  const { certificate, pair } = makeCertificate(t.testdir({}))
  const front = await startTls(server.port, pair)
  t.teardown(front.stop)
  const url = (await server.makeDatabase()).replace(/:\d+\//, `:${front.port}/`)
  // the door takes no other connection
  for (const mode of ['prefer', 'verify-ca']) {
    const address = url.replace('disable', mode)
    const [six, seven] = [await connectPostgres(address, certificate), await connectPostgres7(address, certificate)]
    t.match(await six.query('SELECT 1 AS one'), [[{ one: 1 }]])
    t.match(await seven.query('SELECT 1 AS one'), [[{ one: 1 }]])
    await Promise.all([six.close(), seven.close()])
  }
})

t.test('of several hosts the primary is used, and models are in the schema of the URL', async t => {
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE SCHEMA hub')
  await runUp(`${url}&schema=hub`, migrations)
  const hosts = `${url.replace('127.0.0.1:', '127.0.0.1:1,127.0.0.1:')}&schema=hub`
  const sequelize = await connectPostgres(hosts)
  t.teardown(() => sequelize.close())
  initModels(sequelize)
  await Server.create({ id: 'a', hostname: 'a.lan' })
  t.strictSame(await server.run(url, 'SELECT id FROM hub.servers'), [{ id: 'a' }])
  t.equal(await Server.count({ include: 'metrics' }), 1)
  const sequelize7 = await connectPostgres7(hosts)
  t.teardown(() => sequelize7.close())
  const seven = await version7('hosts')
  seven.initModels(sequelize7 as never)
  t.equal(await seven.Server.count({ include: 'metrics' }), 1)
})

t.test('a hub needs no more than what docs/postgres.md grants, and may not change the schema', async t => {
  const url = await server.makeDatabase()
  const [, grants = ''] =
    /```sql\n(CREATE ROLE hub_migrator[\s\S]*?)```/.exec(readFileSync(join(root, 'docs/postgres.md'), 'utf8')) ?? []
  await server.run(url, ...grants.split(';\n').filter(sql => sql.trim() !== ''))
  const as = (role: string) => `${url.replace('postgres@', `${role}@`)}&schema=hub`
  t.match(await runUp(as('hub_migrator'), migrations), { error: undefined })
  const { sequelize, close } = await openReady(as('hub'))
  t.teardown(close)
  initModels(sequelize)
  await Server.create({ id: 'a', hostname: 'a.lan' })
  await Metric.create({ server_id: 'a', timestamp: new Date() })
  t.equal(await Server.count({ include: 'metrics' }), 1)
  await t.rejects(sequelize.query('ALTER TABLE hub.servers ADD COLUMN x text'), { message: /must be owner/ })
  await t.rejects(sequelize.query('CREATE TABLE hub.other ()'), { message: /permission denied/ })
})

t.test("openReady reads the password's file and the certificates as the migrator does", async t => {
  const url = await makeReady()
  await server.requirePassword('reader')
  await server.run(url, 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader')
  const asReader = url.replace('postgres@', 'reader@')
  const file = join(t.testdir({ password: 'right\n' }), 'password')
  const { DATABASE_PASSWORD_FILE, PGSSLROOTCERT } = process.env
  t.teardown(() => {
    for (const [name, value] of Object.entries({ DATABASE_PASSWORD_FILE, PGSSLROOTCERT }))
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  })
  await t.rejects(openReady(asReader), { message: /password/ })
  process.env.DATABASE_PASSWORD_FILE = file
  for (const { openReady } of [version6, await version7('reader')]) {
    const { sequelize, close } = await openReady(asReader)
    t.strictSame((await sequelize.query('SELECT current_user AS name'))[0], [{ name: 'reader' }])
    await close()
  }
  process.env.PGSSLROOTCERT = `${file}.pem`
  const checked = asReader.replace('sslmode=disable', 'sslmode=verify-full')
  await t.rejects(openReady(checked), {
    code: 'CONFIG_INVALID',
    message: /root certificate .*password\.pem cannot be read/,
  })
})
