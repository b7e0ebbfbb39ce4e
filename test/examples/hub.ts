import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { fromSources, readJson, root, runProgram, settingsFor } from '../help/program.ts'

// a hub compiles all of Sequelize
const { NODE_COMPILE_CACHE } = process.env

/** `env -i` keeps the hub out of the coverage that tap counts: that is of src. */
const startHub = (folder: string, port = '0') => {
  const settings = Object.entries({ NODE_COMPILE_CACHE, ...settingsFor(folder), PORT: port }).map(pair =>
    pair.join('='),
  )
  const words = ['-i', ...settings, process.execPath, ...fromSources, join(root, 'examples/hub/hub.ts')]
  const child = spawn('/usr/bin/env', words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const exitCode = new Promise<number | null>(resolve => child.once('exit', resolve))
  return { child, exitCode }
}

/** A hub on a volume that the migrator made; stopped when the test is over. */
const withHub = async (t: Pick<Test, 'testdir' | 'teardown'>) => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const { child, exitCode } = startHub(folder)
  t.teardown(() => child.kill('SIGKILL'))
  const port = await new Promise<string>(resolve => {
    child.stdout.once('data', line => resolve(/localhost:(\d+)/.exec(String(line))?.[1] ?? ''))
  })
  const call = async (method: string, path: string, body?: unknown) => {
    const init =
      body === undefined ? { method } : { method, body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
    const answer: unknown = await response.json()
    return { status: response.status, body: answer, length: Array.isArray(answer) ? answer.length : undefined }
  }
  return { folder, child, exitCode, call: Object.assign(call, { port }) }
}

t.test('servers and metrics go in and come out', async t => {
  const { call } = await withHub(t)
  t.match(await call('GET', '/healthz'), { status: 200, body: { status: 'ok', servers: 0 } })
  const omv = { hostname: 'omv.lan', os_version: '7.1', last_seen: '2026-01-18T10:00:00Z' }
  t.match(await call('PUT', '/servers/omv', omv), { status: 200, body: { id: 'omv', os_info: { version: '7.1' } } })
  t.match(await call('PUT', '/servers/omv', { status: 'online' }), {
    status: 200,
    body: { hostname: 'omv.lan', status: 'online' },
  })
  t.match(await call('GET', '/servers'), { body: [{ id: 'omv', last_seen: '2026-01-18T10:00:00.000Z' }] })
  for (const minute of [0, 1, 2]) {
    const metric = {
      timestamp: `2026-01-18T10:0${minute}:00Z`,
      cpu_percent: minute,
      network_rx_bytes: '9223372036854775807',
    }
    t.match(await call('POST', '/servers/omv/metrics', metric), { status: 200 })
  }
  t.match(await call('POST', '/servers/omv/metrics', {}), { status: 200, body: { timestamp: /Z$/ } })
  const range = await call('GET', '/servers/omv/metrics?from=2026-01-18T10:01:00Z&to=2026-01-18T10:02:00Z')
  t.match(range, { body: [{ cpu_percent: 1, network_rx_bytes: '9223372036854775807' }] })
  t.equal(range.length, 1)
  t.equal((await call('GET', '/servers/omv/metrics')).length, 4)
})

t.test(
  'a metric says that its server is online from its time on; what is told late, or of the future, makes it no younger',
  async t => {
    const { call } = await withHub(t)
    await call('PUT', '/servers/omv', { hostname: 'omv.lan', status: 'offline' })
    const now = Date.now()
    const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString()
    const seen = async () =>
      ((await call('GET', '/servers')).body as readonly [{ status: string; last_seen: string }])[0]
    await call('POST', '/servers/omv/metrics', { timestamp: at(-5) })
    t.match(await seen(), { status: 'online', last_seen: at(-5) })
    await call('PUT', '/servers/omv', { status: 'offline' })
    await call('POST', '/servers/omv/metrics', { timestamp: at(-60) })
    t.match(await seen(), { status: 'offline', last_seen: at(-5) }, 'told late')
    await call('POST', '/servers/omv/metrics', { timestamp: at(60) })
    const { status, last_seen } = await seen()
    t.equal(status, 'online')
    t.ok(Date.parse(last_seen) <= Date.now(), 'not of the future')
  },
)

t.test(
  'the commands of the first page have the address that the browser has, unless a shell would read more in it',
  async t => {
    const { call } = await withHub(t)
    const pageAt = async (host: string) => {
      const { port } = call
      return await new Promise<string>(resolve => {
        get({ port, host: '127.0.0.1', headers: { host } }, answer => void text(answer).then(resolve))
      })
    }
    t.match(await pageAt('nas.lan:8080'), 'curl -X PUT http://nas.lan:8080/servers/nas')
    t.match(await pageAt('a;reboot'), `curl -X PUT http://localhost:${call.port}/servers/nas`)
  },
)

t.test('what makes no sense is refused, and nothing is stored', async t => {
  const { call } = await withHub(t)
  await call('PUT', '/servers/omv', { hostname: 'omv.lan' })
  for (const [method, path, body, status] of [
    ['PUT', '/servers/x', {}, 400],
    ['PUT', '/servers/x', 'no json', 400],
    ['PUT', '/servers/x', [1], 400],
    ['PUT', '/servers/x', { hostname: 'x', last_seen: 'yesterday' }, 400],
    ['PUT', '/servers/x', { hostname: 'x', tdp_watts: 'many' }, 400],
    ['POST', '/servers/nobody/metrics', {}, 404],
    ['POST', '/servers/omv/metrics', { timestamp: 'now' }, 400],
    ['POST', '/servers/omv/metrics', { cpu_percent: 'much' }, 400],
    ['GET', '/servers/nobody/metrics', undefined, 404],
    ['GET', '/servers/omv/metrics?from=never', undefined, 400],
    ['GET', '/servers/%zz/metrics', undefined, 400],
    ['GET', '//', undefined, 400],
    ['PUT', '/servers/%00', { hostname: 'x' }, 400],
    ['PUT', '/servers/x', { hostname: 'x', room: 'attic' }, 400],
    ['PUT', '/servers/x', { hostname: 'x', toString: 'x' }, 400],
    ['PUT', '/servers/x', { hostname: { text: 'x' } }, 400],
    ['PUT', '/servers/x', { hostname: ['x'] }, 400],
    ['PUT', '/servers/x', { hostname: 'x\0y' }, 400],
    ['PUT', '/servers/x', { hostname: null }, 400],
    ['PUT', '/servers/x', { hostname: 'x', tdp_watts: 1.5 }, 400],
    ['PUT', '/servers/x', '{"hostname":"x","tdp_watts":9007199254740993}', 400],
    ['PUT', '/servers/x', { hostname: 'x'.repeat(70_000) }, 413],
    ['POST', '/servers/omv/metrics', { timestamp: 5 }, 400],
    ['POST', '/servers/omv/metrics', { timestamp: '2026-01-18T10:00:00' }, 400],
    ['POST', '/servers/omv/metrics', { network_rx_bytes: '9223372036854775808' }, 400],
    ['POST', '/servers/omv/metrics', '{"cpu_percent":1e999}', 400],
    ['GET', '/nothing', undefined, 404],
    ['DELETE', '/servers', undefined, 404],
  ] as const) {
    t.match(
      await call(method, path, body),
      { status, body: { error: String } },
      `${method} ${path} ${JSON.stringify(body)}`,
    )
  }
  t.equal((await call('GET', '/servers')).length, 1)
  t.strictSame((await call('GET', '/servers/omv/metrics')).body, [])
})

t.test('whole numbers are exact, as numbers and as digits', async t => {
  const { call } = await withHub(t)
  await call('PUT', '/servers/omv', { hostname: 'omv.lan' })
  for (const counter of ['9007199254740993', '"9007199254740993"'])
    t.match(await call('POST', '/servers/omv/metrics', `{"network_rx_bytes":${counter}}`), { status: 200 })
  t.match((await call('GET', '/servers/omv/metrics')).body, [
    { network_rx_bytes: '9007199254740993' },
    { network_rx_bytes: '9007199254740993' },
  ])
})

t.test('what goes wrong in the database is told without SQL', async t => {
  const { call, folder } = await withHub(t)
  const connection = new Database(join(folder, 'homelab.db'))
  connection.exec('DROP TABLE metrics; DROP TABLE servers')
  connection.close()
  t.strictSame((await call('GET', '/servers')).body, { error: 'the hub could not do that; its log says why' })
})

t.test('a report waits while a migration has the file, for longer than Sequelize tries', async t => {
  const { call, folder } = await withHub(t)
  await call('PUT', '/servers/omv', { hostname: 'omv.lan' })
  const migrator = new Database(join(folder, 'homelab.db'))
  migrator.exec('BEGIN IMMEDIATE')
  const reported = call('POST', '/servers/omv/metrics', { cpu_percent: 1 })
  t.equal(await Promise.race([reported, setTimeout(300, 'waits')]), 'waits')
  t.match(await call('GET', '/healthz'), { status: 200 }, 'what only reads is answered')
  t.match(await call('GET', '/servers/omv/metrics'), { status: 200, length: 0 })
  // five times a second, and the pauses between them
  await setTimeout(8000)
  migrator.exec('ROLLBACK')
  migrator.close()
  t.match(await reported, { status: 200, body: { cpu_percent: 1 } })
  t.equal((await call('GET', '/servers/omv/metrics')).length, 1)
})

t.test('SIGTERM ends it, and leaves no WAL behind', async t => {
  const { child, exitCode, call } = await withHub(t)
  await call('PUT', '/servers/omv', { hostname: 'omv.lan' })
  child.kill('SIGTERM')
  t.equal(await exitCode, 0)
})

for (const [title, spoil] of [
  ['without a marker', folder => rmSync(join(folder, '.ready'))],
  ['without a database', folder => rmSync(join(folder, 'homelab.db'))],
  [
    'with a marker of another schema',
    folder => {
      const marker = readJson(join(folder, '.ready'))
      writeFileSync(join(folder, '.ready'), JSON.stringify({ ...marker, schema: '0009-later' }))
    },
  ],
  [
    'with a database that is not the one of the marker',
    folder => {
      const connection = new Database(join(folder, 'homelab.db'))
      connection.exec('ALTER TABLE servers DROP COLUMN os_info')
      connection.close()
    },
  ],
] as const satisfies readonly (readonly [string, (folder: string) => void])[]) {
  t.test(`${title} it does not start, and says why in one line`, async t => {
    const folder = t.testdir()
    await runProgram([], settingsFor(folder))
    spoil(folder)
    const { child, exitCode } = startHub(folder)
    t.match(await text(child.stderr), /^the hub does not start: [^\n]+\n$/)
    t.equal(await exitCode, 1)
  })
}

t.test('a port that is taken, or is none, is told in one line', async t => {
  const { folder, call } = await withHub(t)
  for (const [port, said] of [
    [call.port, `port ${call.port} is taken. Stop what listens there, or take another: PORT=${Number(call.port) + 1}`],
    ['eighty', 'PORT=eighty is no port, such as 8080'],
  ] as const) {
    const { child, exitCode } = startHub(folder, port)
    t.equal(await text(child.stderr), `the hub does not start: ${said}\n`)
    t.equal(await exitCode, 1)
  }
})
