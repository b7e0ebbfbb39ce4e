/**
 * What requests to hubs meet while `up` runs: the example hub, one on a file and two on a server behind PgBouncer, with the demo's fleet
 * of 500 servers and its 30 days of metrics. For two minutes each server reports once a minute, a page is looked at every 10 seconds and
 * a day of a server every second, and meanwhile `up` adds a column, builds an index (online) and writes the metrics anew.
 * `npm run bench:load` fails when a request does, or takes longer than the longest transaction and MIGRATOR_STATEMENT_LOCK_TIMEOUT
 * on a server, or than `up` takes on a file. SERVERS=22 SECONDS=20 is a short form; with other sizes docs/scale.md stays as it is.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { initModels } from 'homelab-migrator/models'
import { openReady } from 'homelab-migrator/ready'
import { Client } from 'pg'
import { bringUp } from '../examples/hub/demo/fill.ts'
import { fleet, type Machine } from '../examples/hub/demo/fleet.ts'
import { formatCount } from '../src/text.ts'
import { noPooler, startPooler } from '../test/help/pgbouncer.ts'
import { debian, startServerOf } from '../test/help/postgres.ts'
import { root, spawnProgram, startProgram } from '../test/help/program.ts'
import { type Answer, ask, type Hub, startHub } from './hubs.ts'
import { median, withFolder } from './measure.ts'
import { keepRows, loads, machine, type Raw, writeInto } from './raw.ts'

const usual = { servers: 500, seconds: 120 }
const servers = Number(process.env.SERVERS ?? usual.servers)
const seconds = Number(process.env.SECONDS ?? usual.seconds)
/** Seconds: what it is without a setting. */
const statementLockTimeout = 5

/** The demo's machines, as often as it takes. */
const machines: readonly Machine[] = Array.from({ length: servers }, (_, place) => {
  const machine = fleet[place % fleet.length] as Machine
  return place < fleet.length ? machine : { ...machine, id: `${machine.id}-${Math.floor(place / fleet.length)}` }
})

const own = join(root, 'migrations')
const migrations = {
  '0004-add-free-memory.js': `
export const up = ({ context }) => context.addColumn('metrics', 'memory_free_mb', 'INTEGER')`,
  '0005-index-timestamp.js': `
export const online = true
export const up = ({ context }) => context.addIndexConcurrently('metrics', ['timestamp'], { name: 'idx_metrics_timestamp' })`,
  '0006-narrow-load.js': `
export const up = async ({ context }) => {
  const [[{ sql }]] = await context.sequelize.query("SELECT sql FROM sqlite_schema WHERE name = 'metrics'")
  await context.rebuildTable('metrics', sql.replace(/\`load_15m\` REAL/, 'load_15m FLOAT'))
}`,
  '0006-narrow-load.postgres.js': `
export const up = ({ context }) => context.sequelize.query('ALTER TABLE metrics ALTER COLUMN load_15m TYPE real')`,
}

const kinds = ['report', 'day', 'page', 'health'] as const
type Kind = (typeof kinds)[number]
type Request = Answer & Readonly<{ kind: Kind }>

/** Sends requests until `isOver`, and waits for their answers. */
const sendLoad = async (hubs: readonly Hub[], isOver: () => boolean): Promise<readonly Request[]> => {
  const asked: Promise<Request>[] = []
  const begin = performance.now()
  const every = async (pause: number, kind: Kind, send: (hub: Hub, turn: number) => Promise<Answer>) => {
    for (let turn = 0; !isOver(); turn += 1) {
      const hub = hubs[turn % hubs.length] as Hub
      asked.push(send(hub, turn).then(answer => ({ ...answer, kind })))
      await setTimeout(Math.max(0, begin + (turn + 1) * pause - performance.now()))
    }
  }
  const idOf = (turn: number): string => `demo-${machines[turn % servers]?.id}`
  const report = (turn: number) => ({
    cpu_percent: turn % 100,
    memory_percent: 40.5,
    network_rx_bytes: turn * 1_000_000,
  })
  const since = new Date(Date.now() - 86_400_000).toISOString()
  await Promise.all([
    every(60_000 / servers, 'report', (hub, turn) => ask(hub, 'POST', `/servers/${idOf(turn)}/metrics`, report(turn))),
    every(1000, 'day', (hub, turn) => ask(hub, 'GET', `/servers/${idOf(turn * 7)}/metrics?from=${since}`)),
    every(10_000, 'page', hub => ask(hub, 'GET', '/')),
    every(2000, 'health', hub => ask(hub, 'GET', '/healthz')),
  ])
  return Promise.all(asked)
}

/** Milliseconds, by performance.now(), between which `up` ran, and its log. */
type Run = Readonly<{ begin: number; end: number; events: readonly Readonly<Record<string, unknown>>[] }>

const runUp = async (settings: Readonly<Record<string, string>>): Promise<Run> => {
  const begin = performance.now()
  const { exitCode, stderr, events } = await startProgram([], settings).outcome
  if (exitCode !== 0) throw new Error(`up exited ${exitCode}: ${stderr}`)
  return { begin, end: performance.now(), events }
}

type Found = Readonly<{
  name: string
  requests: readonly Request[]
  run: Run
  limit: number
  because: string
  begin: number
}>

/** Sends the load, and in the middle of it runs `up`. */
const underLoad = async (
  hubs: readonly Hub[],
  up: () => Promise<Run>,
): Promise<Omit<Found, 'name' | 'limit' | 'because'>> => {
  const begin = performance.now()
  let run: Run | undefined
  const failed = new AbortController()
  const isOver = () => failed.signal.aborted || (run !== undefined && performance.now() > begin + seconds * 1000)
  const requests = sendLoad(hubs, isOver)
  await setTimeout((seconds * 1000) / 4)
  try {
    run = await up()
  } finally {
    if (run === undefined) failed.abort()
  }
  return { begin, run, requests: await requests }
}

const fill = async (url: string): Promise<void> => {
  const { sequelize, close } = await openReady(url)
  initModels(sequelize)
  const made = await bringUp(sequelize, machines, Math.floor(Date.now() / 60_000), () => undefined)
  console.error(`${formatCount(made)} metrics of ${servers} servers made`)
  await close()
}

const settingsFor = (url: string, folder: string) => ({ DATABASE_URL: url, MIGRATOR_MIGRATIONS: folder })

const onFile = async (url: string, changes: string): Promise<Found> => {
  const hub = await startHub(url)
  try {
    const found = await underLoad([hub], () => runUp(settingsFor(url, changes)))
    const limit = Number(found.run.events.find(({ event }) => event === 'up.done')?.milliseconds)
    return { ...found, name: 'SQLite, one hub', limit, because: `\`up\` took ${inSeconds(limit)}` }
  } finally {
    console.error(hub.said())
    await hub.stop()
  }
}

/** A transaction of a migrator, by the server's clock; `online` is one that holds the lock alone while an index is built beside it. */
type Held = { readonly begin: number; end: number; online: boolean }

const holders = `
  SELECT extract(epoch FROM xact_start)::float8 * 1000 AS begin, extract(epoch FROM clock_timestamp())::float8 * 1000 AS now,
    EXISTS (SELECT FROM pg_stat_progress_create_index WHERE command LIKE '%CONCURRENTLY') AS online
  FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted`

/** Notes the transactions of migrators, looking fifty times a second. */
const watch = async (url: string): Promise<() => Promise<readonly Held[]>> => {
  const client = new Client({ connectionString: url.replace(/\?.*/, '') })
  await client.connect()
  const held = new Map<number, Held>()
  let isOver = false
  const looking = (async () => {
    for (; !isOver; await setTimeout(20)) {
      for (const { begin, now, online } of (
        await client.query<{ begin: number; now: number; online: boolean }>(holders)
      ).rows) {
        const known = held.get(begin) ?? { begin, end: now, online }
        held.set(begin, Object.assign(known, { end: now, online: known.online || online }))
      }
    }
  })()
  return async () => {
    isOver = true
    await looking
    await client.end()
    return [...held.values()]
  }
}

/** @param filled the URL of a file, whose metrics are copied */
const onServer = async (filled: string, changes: string): Promise<Found> => {
  // what a commit costs is part of it
  const server = await startServerOf(
    debian,
    'fsync=on',
    'full_page_writes=on',
    'shared_buffers=1GB',
    'max_wal_size=8GB',
  )
  try {
    const direct = await server.makeDatabase()
    const copied = await spawnProgram(['copy', '--from', filled], settingsFor(direct, own))
    if (copied.exitCode !== 0) throw new Error(`copy exited ${copied.exitCode}: ${copied.stderr}`)
    await server.run(direct, 'VACUUM ANALYZE')
    const pooler = await startPooler(server.port)
    const pooled = direct.replace(`:${server.port}/`, `:${pooler.port}/`)
    const hubs = [await startHub(pooled), await startHub(pooled)]
    try {
      const stopWatching = await watch(direct)
      const found = await underLoad(hubs, () => runUp(settingsFor(pooled, changes)))
      const held = await stopWatching()
      const lengths = held.map(({ begin, end, online }) => `${inSeconds(end - begin)}${online ? ' (online)' : ''}`)
      const longest = Math.max(...held.filter(({ online }) => !online).map(({ begin, end }) => end - begin))
      const because = `\`up\` took ${inSeconds(found.run.end - found.run.begin)} in transactions of ${lengths.join(', ')}, and ${statementLockTimeout} s is MIGRATOR_STATEMENT_LOCK_TIMEOUT`
      return {
        ...found,
        name: 'PostgreSQL, two hubs behind PgBouncer',
        limit: longest + statementLockTimeout * 1000,
        because,
      }
    } finally {
      for (const hub of hubs) {
        console.error(hub.said())
        await hub.stop()
      }
      await pooler.stop()
    }
  } finally {
    await server.stop()
  }
}

const inSeconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`
const longestOf = (requests: readonly Request[]): number =>
  Math.max(0, ...requests.map(({ milliseconds }) => milliseconds))
const isFailed = ({ status }: Request): boolean => status !== 200

/** Of each ten seconds and each kind of request. */
const rawOf = ({ name, requests, begin }: Found): readonly Raw[] => {
  const groups = Map.groupBy(requests, ({ start, kind }) => `${Math.floor((start - begin) / 10_000) * 10} ${kind}`)
  return [...groups].map(([group, own]) => {
    const [second = '', kind = ''] = group.split(' ')
    const times = own.map(({ milliseconds }) => milliseconds)
    return {
      ...{ database: name, second: Number(second), kind, requests: own.length, failed: own.filter(isFailed).length },
      ...{ middle_ms: Math.round(median(times)), longest_ms: Math.round(longestOf(own)) },
    }
  })
}

/** The longest answers to requests of one kind, in milliseconds, before `up` began and since. */
const longestTimes = ({ requests, run }: Found, kind: Kind) => {
  const own = requests.filter(request => request.kind === kind)
  const isBefore = ({ start, milliseconds }: Request): boolean => start + milliseconds < run.begin
  const before = longestOf(own.filter(isBefore))
  const since = longestOf(own.filter(request => !isBefore(request)))
  return { own, before, since }
}

const rowsOf = (found: Found): readonly string[] =>
  kinds.map(kind => {
    const { own, before, since } = longestTimes(found, kind)
    const middle = median(own.map(({ milliseconds }) => milliseconds))
    const cells = [found.name, kind, formatCount(own.length), String(own.filter(isFailed).length)]
    return `| ${[...cells, ...[middle, before, since, found.limit].map(inSeconds)].join(' | ')} |`
  })

const isHeld = (found: Found): boolean =>
  !found.requests.some(isFailed) && kinds.every(kind => longestTimes(found, kind).since <= found.limit)

if (noPooler) throw new Error(noPooler)
await withFolder(async folder => {
  const changes = join(folder, 'migrations')
  cpSync(own, changes, { recursive: true })
  for (const [name, text] of Object.entries(migrations)) writeFileSync(join(changes, name), `${text}\n`)
  const [filled, used] = [join(folder, 'filled'), join(folder, 'used')]
  mkdirSync(filled)
  const url = `sqlite:${join(filled, 'homelab.db')}`
  await runUp(settingsFor(url, own))
  await fill(url)
  cpSync(filled, used, { recursive: true })
  const before = loads()
  const found: Found[] = []
  for (const measure of [() => onServer(url, changes), () => onFile(`sqlite:${join(used, 'homelab.db')}`, changes)]) {
    const one = await measure()
    console.error(`${one.name}: ${one.because}\n${rowsOf(one).join('\n')}`)
    found.push(one)
  }
  const load = `load ${before} before, ${loads()} after`
  const text = [
    `${machine()}; PostgreSQL 15, PgBouncer with three connections; ${servers} servers, ${seconds} s each; ${load}.`,
    '',
    ...found.map(({ name, because }) => `- ${name}: ${because}.`),
    '',
    '| | request | asked | failed | median | longest before `up` | longest since | at most |',
    '|---|---|---|---|---|---|---|---|',
    ...found.flatMap(rowsOf),
  ].join('\n')
  console.log(text)
  if (servers === usual.servers && seconds === usual.seconds) {
    keepRows('load', { servers, seconds, load }, found.flatMap(rawOf))
    writeInto('scale.md', 'bench of load', text)
  }
  process.exitCode = found.every(isHeld) ? 0 : 1
})
