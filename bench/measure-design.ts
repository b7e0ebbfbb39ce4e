/** What a design takes at a size: bytes, reads of people, metrics of hubs, `up`, and a month that goes. */
import { writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { spawnProgram } from '../test/help/program.ts'
import { type Design, type Store, yearOf } from './designs.ts'
import { ask, cpuOf, cpuOfEnded, type Hub, startHub } from './hubs.ts'
import { median } from './measure.ts'
import { loads } from './raw.ts'

/** What was measured of one design at one size; times are seconds. */
export type Measured = Readonly<{
  design: string
  servers: number
  rows: number
  bytes: number
  page: number
  /** minutes of the last day that have a metric of each server */
  recent: number
  /** what the first page takes, which counts rows */
  pageCounting: number
  day: number
  ups: Readonly<Record<Change, Cost>>
  removed: Cost & Readonly<{ rows: number }>
  ingest: readonly Ingest[]
  /** of the machine, when it was done */
  load: string
}>
/** Seconds by the clock and of CPU, and how long the longest write beside it waited. */
export type Cost = Readonly<{ seconds: number; cpu: number; waited: number }>
/** What hubs take in: metrics in a second, and seconds of CPU for each. */
export type Ingest = Readonly<{ hubs: number; perSecond: number; hubCpu: number; serverCpu: number; failed: number }>

const changes = {
  'adds a column': () => `export const up = ({ context }) => context.addColumn('metrics', 'note', 'TEXT')`,
  'builds an index': ({ isByMonth }: { isByMonth: boolean }) =>
    isByMonth
      ? `export const up = ({ context }) => context.addIndex('metrics', ['timestamp'], { name: 'idx_metrics_timestamp' })`
      : `export const online = true
         export const up = ({ context }) => context.addIndexConcurrently('metrics', ['timestamp'], { name: 'idx_metrics_timestamp' })`,
  'writes the table anew': () => `
    export const up = async ({ context }) => {
      if (context.sequelize.getDialect() === 'postgres')
        return context.sequelize.query('ALTER TABLE metrics ALTER COLUMN load_15m TYPE real')
      const [[{ sql }]] = await context.sequelize.query("SELECT sql FROM sqlite_schema WHERE name = 'metrics'")
      await context.rebuildTable('metrics', sql.replace(/\`load_15m\` REAL/, 'load_15m FLOAT'))
    }`,
} as const
export type Change = keyof typeof changes
export const changeNames = Object.keys(changes) as Change[]

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

/** Does something beside a writer. */
const beside = async (store: Store, work: () => Promise<unknown>): Promise<Cost> => {
  const cpu = () => cpuOfEnded() + (store.pid === undefined ? 0 : cpuOf(store.pid))
  const stop = await store.probe()
  const before = cpu()
  const seconds = await timed(work)
  const spent = cpu() - before
  return { seconds, cpu: spent, waited: (await stop()) / 1000 }
}

const isGood = ({ status }: Readonly<{ status: number }>): boolean => status === 200
const fetched = async (hub: Hub, path: string): Promise<number> => {
  const answer = await ask(hub, 'GET', path)
  if (!isGood(answer)) throw new Error(`GET ${path}: ${answer.status} ${hub.said()}`)
  return answer.milliseconds / 1000
}

const readAsPeople = async (
  store: Store,
  servers: number,
): Promise<Pick<Measured, 'page' | 'pageCounting' | 'day'>> => {
  const hub = await startHub(store.url)
  const since = new Date(Date.now() - 86_400_000).toISOString()
  const pages: number[] = []
  const days: number[] = []
  try {
    // the first one asks `status`, which counts all rows; it does that once a minute
    const first = await fetched(hub, '/')
    // one that takes long is not as much by chance
    for (let turn = 0; turn < 3 && (pages[0] ?? 0) < 5; turn += 1) pages.push(await fetched(hub, '/'))
    for (let turn = 0; turn < 25; turn += 1)
      days.push(await fetched(hub, `/servers/server-${(turn * 7919) % servers}/metrics?from=${since}`))
    return { page: median(pages), pageCounting: first, day: median(days) }
  } finally {
    await hub.stop()
  }
}

/** As many reports as so many hubs take, four at a time each. */
const ingest = async (store: Store, servers: number, count: number, length: number): Promise<Ingest> => {
  const hubs = await Promise.all(Array.from({ length: count }, () => startHub(store.url)))
  const agent = new Agent({ keepAlive: true })
  const body = {
    ...{ cpu_percent: 12.5, memory_percent: 40.25, memory_total_mb: 16_384, memory_used_mb: 6500, disk_percent: 61.5 },
    ...{
      disk_total_gb: 1863.5,
      disk_used_gb: 1145.2,
      network_rx_bytes: 123_456_789_012,
      network_tx_bytes: 9_876_543_210,
    },
    ...{ load_1m: 0.5, load_5m: 0.4, load_15m: 0.3, uptime_seconds: 864_000 },
  }
  const report = async (seconds: number) => {
    const [answered, failed] = [{ count: 0 }, { count: 0 }]
    const end = performance.now() + seconds * 1000
    const worker = async (hub: Hub, seed: number): Promise<void> => {
      for (let turn = seed; performance.now() < end; turn += 13) {
        const isDone = isGood(await ask(hub, 'POST', `/servers/server-${turn % servers}/metrics`, body, agent))
        if (isDone) answered.count += 1
        else failed.count += 1
      }
    }
    const spent = await timed(() =>
      Promise.all(hubs.flatMap(hub => [0, 1, 2, 3].map(seed => worker(hub, seed + hub.pid * 4)))),
    )
    return { answered: answered.count, failed: failed.count, spent }
  }
  try {
    // compiles
    await report(Math.min(2, length))
    const cpu = () => ({
      hubs: hubs.reduce((sum, { pid }) => sum + cpuOf(pid), 0),
      server: store.pid === undefined ? 0 : cpuOf(store.pid),
    })
    const before = cpu()
    const { answered, failed, spent } = await report(length)
    const after = cpu()
    return {
      ...{ hubs: count, perSecond: answered / spent, failed },
      ...{ hubCpu: (after.hubs - before.hubs) / answered, serverCpu: (after.server - before.server) / answered },
    }
  } finally {
    agent.destroy()
    await Promise.all(hubs.map(hub => hub.stop()))
  }
}

const runUp = async ({ url, migrations }: Store): Promise<void> => {
  const { exitCode, stderr } = await spawnProgram([], { DATABASE_URL: url, MIGRATOR_MIGRATIONS: migrations })
  if (exitCode !== 0) throw new Error(`up exited ${exitCode}: ${stderr}`)
}

/**
 * Fills a design, reads and changes it as hubs, people and the migrator do.
 * @param older how many metrics are before the last day, at most
 * @param seconds of taking in as many as one and eight hubs can; none for 0
 */
export const measureDesign = async (
  { name, start }: Design,
  { servers, older, seconds }: Readonly<{ servers: number; older: number; seconds: number }>,
  folder: string,
): Promise<Measured> => {
  const store = await start(join(folder, `${name} ${servers}`))
  try {
    const stretches = yearOf(servers, older)
    for (const stretch of stretches) await store.fill(servers, stretch)
    const [{ from: oldest }, { from, to }] = stretches
    const rows = stretches.reduce((sum, { from, to, step }) => sum + Math.ceil((to - from) / step) * servers, 0)
    const bytes = await store.settle()
    const read = await readAsPeople(store, servers)
    const taken: Ingest[] = []
    for (const count of seconds > 0 ? [1, 8] : []) taken.push(await ingest(store, servers, count, seconds))
    const ups = {} as Record<Change, Cost>
    for (const [place, change] of changeNames.entries()) {
      const number = String(store.next + place).padStart(4, '0')
      const text = changes[change]({ isByMonth: /month/.test(name) })
      writeFileSync(join(store.migrations, `${number}-${change.replaceAll(' ', '-')}.js`), `${text}\n`)
      ups[change] = await beside(store, () => runUp(store))
    }
    await store.settle()
    let gone = { rows: 0, held: 0 }
    const removed = await beside(store, async () => {
      gone = await store.removeBefore(oldest + 30 * 1440)
    })
    return {
      ...{ load: loads(), recent: to - from },
      design: name,
      servers,
      rows,
      bytes,
      ...read,
      ups,
      ingest: taken,
      removed: { ...removed, waited: Math.max(removed.waited, gone.held / 1000), rows: gone.rows },
    }
  } finally {
    await store.stop()
  }
}
