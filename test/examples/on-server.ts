/** The example hub and the demo on a server: the same rows give the same answers and the same page as on a file. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runUp } from '../help/on-server.ts'
import { sharedServer } from '../help/postgres.ts'
import { fromSources, root, runProgram, settingsFor } from '../help/program.ts'

t.jobs = 1
const server = await sharedServer('timezone=Asia/Kolkata')
const migrations = join(root, 'migrations')

/** `env -i` keeps the examples out of the coverage that tap counts: that is of src. */
const wordsFor = (url: string, ...words: readonly string[]): readonly string[] => {
  const settings = { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, DATABASE_URL: url, PORT: '0' }
  return ['-i', ...Object.entries(settings).map(pair => pair.join('=')), process.execPath, ...fromSources, ...words]
}

/** The address of a hub on a database; it ends with the test. */
const startHub = async (t: Pick<Test, 'teardown'>, url: string): Promise<string> => {
  const child = spawn('/usr/bin/env', wordsFor(url, join(root, 'examples/hub/hub.ts')), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const line = await new Promise(resolve => child.stdout.once('data', resolve))
  return `http://127.0.0.1:${/localhost:(\d+)/.exec(String(line))?.[1]}`
}

/** The graphs of both hubs are of the same times. */
const start = Date.now()

/** What a hub answers to the same calls, and its page, without what its clock fills in. */
const answersOf = async (address: string): Promise<unknown> => {
  const call = async (method: string, path: string, body?: object) =>
    (await fetch(address + path, { method, ...(body && { body: JSON.stringify(body) }) })).text()
  const answers = [
    await call('PUT', '/servers/omv', { hostname: 'omv.lan', os_version: '7.1', last_seen: '2026-01-18T10:00:00Z' }),
    await call('PUT', '/servers/Zoo', { hostname: 'Zoo', status: 'online' }),
  ]
  for (const [timestamp, cpu_percent, network_rx_bytes] of [
    ['2026-01-18T10:00:00.250+05:30', 10, 2 ** 53 - 1],
    ['2026-01-18T10:10:00.250+05:30', null, '9007199254740993'],
    [new Date(start - 25 * 60_000).toISOString(), 30.25, '9223372036854775807'],
    [new Date(start - 15 * 60_000).toISOString(), 80, 5],
  ] as const)
    answers.push(await call('POST', '/servers/omv/metrics', { timestamp, cpu_percent, network_rx_bytes }))
  for (const path of [
    '/healthz',
    '/servers',
    '/servers/omv/metrics',
    '/servers/omv/metrics?from=2026-01-18T04:40:00Z',
    '/',
  ])
    answers.push(await call('GET', path))
  return answers.map(answer =>
    answer
      .replaceAll(/"(created_at|updated_at)":"[^"]+"/g, '"$1":""')
      // a server's backups and checks are not the migrator's
      .replace(/<footer>.*<\/footer>/s, ''),
  )
}

t.test('the hub answers the same on both engines, and shows the same page', async t => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const onFile = await answersOf(await startHub(t, String(settingsFor(folder).DATABASE_URL)))
  const url = await server.makeDatabase()
  await server.run(url, 'CREATE SCHEMA hub')
  await runUp(`${url}&schema=hub`, migrations)
  t.strictSame(await answersOf(await startHub(t, `${url}&schema=hub`)), onFile)
})

t.test(
  'the demo fills a server, and brings it up to date; the footer has what the migrator knows of a server',
  async t => {
    const url = await server.makeDatabase()
    const fill = () =>
      spawnSync('/usr/bin/env', wordsFor(url, join(root, 'examples/demo.ts'), '--seed-only'), { encoding: 'utf8' })
    t.match(fill(), { status: 0, stdout: /metrics made in/ })
    await server.run(url, "UPDATE metrics SET timestamp = timestamp - interval '5 days'")
    t.match(fill(), { status: 0, stdout: /metrics made in/ })
    const ages = `SELECT count(*)::int AS servers, floor(max(oldest))::int AS oldest, floor(min(newest) / 180)::int AS newest FROM (
    SELECT extract(epoch FROM now() - min(timestamp)) / 86400 AS oldest, extract(epoch FROM now() - max(timestamp)) AS newest
    FROM metrics WHERE server_id NOT IN ('demo-backup', 'demo-printer', 'demo-workstation') GROUP BY server_id) AS found`
    t.strictSame(await server.run(url, ages), [{ servers: 8, oldest: 29, newest: 0 }])
    const page = await (await fetch(await startHub(t, url))).text()
    t.match(page, /<dt>Schema<\/dt><dd>\d{4}-[\w-]+<\/dd>.*<dt>Ready since<\/dt>.*<dt>Rows<\/dt><dd>11 servers/s)
    t.notMatch(page, /<dt>Last (?:check|backup)/)
  },
)
