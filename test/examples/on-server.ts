/** The example hub and the demo on a server: the same rows give the same answers and the same page as on a file. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runUp } from '../help/on-server.ts'
import { skip, startServer } from '../help/postgres.ts'
import { fromSources, root, runProgram, settingsFor } from '../help/program.ts'

if (skip) {
  t.pass(skip, { skip })
  process.exit()
}
t.jobs = 1
const server = await startServer('timezone=Asia/Kolkata')
t.teardown(() => server.stop())
const migrations = join(root, 'migrations')

/** `env -i` keeps the examples out of the coverage that tap counts: that is of src. */
const wordsFor = (url: string, ...words: readonly string[]): readonly string[] => [
  ...['-i', `DATABASE_URL=${url}`, 'PORT=0', process.execPath, ...fromSources, ...words],
]

/** The address of a hub on a database; it ends with the test. */
const startHub = async (t: Pick<Test, 'teardown'>, url: string): Promise<string> => {
  const child = spawn('/usr/bin/env', wordsFor(url, join(root, 'examples/hub/hub.ts')), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const line = await new Promise(resolve => child.stdout.once('data', resolve))
  return `http://127.0.0.1:${/"port":(\d+)/.exec(String(line))?.[1]}`
}

/** What a hub answers to the same calls, and its page, without what its clock fills in. */
const answersOf = async (address: string): Promise<unknown> => {
  const call = async (method: string, path: string, body?: object) =>
    (await fetch(address + path, { method, ...(body && { body: JSON.stringify(body) }) })).text()
  const answers = [
    await call('PUT', '/servers/omv', { hostname: 'omv.lan', os_version: '7.1', last_seen: '2026-01-18T10:00:00Z' }),
    await call('PUT', '/servers/Zoo', { hostname: 'Zoo', status: 'online' }),
  ]
  for (const [minute, cpu_percent, network_rx_bytes] of [
    ['00', 10, 2 ** 53 - 1],
    ['10', null, '9007199254740993'],
    ['20', 30.25, '9223372036854775807'],
  ] as const) {
    const body = { timestamp: `2026-01-18T10:${minute}:00.250+05:30`, cpu_percent, network_rx_bytes }
    answers.push(await call('POST', '/servers/omv/metrics', body))
  }
  for (const path of [
    '/healthz',
    '/servers',
    '/servers/omv/metrics',
    '/servers/omv/metrics?from=2026-01-18T04:40:00Z',
    '/',
  ])
    answers.push(await call('GET', path))
  return answers.map(answer =>
    answer.replaceAll(/"(created_at|updated_at)":"[^"]+"/g, '"$1":""').replaceAll(/seen \d+ days/g, 'seen'),
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

t.test('the demo fills a server once', async t => {
  const url = await server.makeDatabase()
  const seed = () =>
    spawnSync('/usr/bin/env', wordsFor(url, join(root, 'examples/demo.ts'), '--seed-only'), { encoding: 'utf8' })
  t.match(seed(), { status: 0, stdout: /the server has 475,200 metrics, made in/ })
  t.match(seed(), { status: 0, stdout: /475,200 metrics already/ })
  t.match(
    await server.run(
      url,
      "SELECT count(*)::int AS rows, bool_or(date_trunc('minute', timestamp) > now()) AS late FROM metrics",
    ),
    [{ rows: 475_200, late: false }],
  )
})
