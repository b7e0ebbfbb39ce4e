/**
 * A fleet to look at: `npm run demo` fills a database with 11 servers and 30 days of one-minute metrics, made up but the
 * same each time, and starts the hub on it. DATABASE_URL (sqlite:data/demo/homelab.db, or that of a server), PORT (8080); `--seed-only` ends
 * before the hub.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { initModels, Server } from 'homelab-migrator/models'
import { connectPostgres } from 'homelab-migrator/postgres'
import { QueryTypes } from 'sequelize'

const root = join(import.meta.dirname, '..')
const minutes = 30 * 24 * 60
const fleet = [
  ['nas', 'OpenMediaVault', '7.1', 'amd64', 'online'],
  ['mediaserver', 'Debian', '13', 'amd64', 'online'],
  ['router', 'OpenWrt', '24.10', 'arm64', 'online'],
  ['pihole', 'Raspberry Pi OS', '13', 'arm64', 'online'],
  ['home-assistant', 'HAOS', '16.2', 'arm64', 'online'],
  ['backup', 'Debian', '13', 'amd64', 'offline'],
  ['git', 'Alpine', '3.22', 'amd64', 'online'],
  ['cameras', 'Ubuntu', '24.04', 'amd64', 'online'],
  ['k3s-1', 'Debian', '13', 'arm64', 'online'],
  ['k3s-2', 'Debian', '13', 'arm64', 'online'],
  ['printer', 'Raspberry Pi OS', '12', 'arm64', 'unknown'],
] as const
const total = fleet.length * minutes

/** A number from 0 to 1 that depends on its two arguments alone. */
const noise = (seed: number, step: number): number => {
  const mixed = Math.imul((seed * 0x9e3779b1) ^ (step * 0x85ebca6b), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
}

/** Days that are busier than nights, a backup at two o'clock, noise, and now and then a busy half hour. */
const cpuAt = (seed: number, minute: number, step: number): number => {
  const day = 8 + 3 * seed * (1 + Math.sin(((minute - 600) / 1440) * 2 * Math.PI)) * 0.5
  const backup = minute % 1440 >= 120 && minute % 1440 < 165 ? 35 : 0
  const burst = noise(seed, Math.floor(step / 30)) > 0.96 ? 30 : 0
  return Math.min(100, day + backup + burst + 8 * noise(seed + 100, step))
}

const bar = (done: number): string => {
  const share = done / total
  return `[${'#'.repeat(Math.round(share * 40)).padEnd(40, '-')}] ${Math.round(share * 100)} %, ${done.toLocaleString('en')} metrics`
}

type Value = string | number | bigint

/** Where the fleet is written to: a file, or a server. */
type Store = Readonly<{
  count: (table: 'servers' | 'metrics') => Promise<number>
  insert: (
    table: 'servers' | 'metrics',
    columns: readonly string[],
    rows: readonly (readonly Value[])[],
  ) => Promise<void>
  close: () => Promise<void>
}>

const openFile = (file: string): Store => {
  const connection = new Database(file)
  return {
    count: async table => connection.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() ?? 0,
    insert: async (table, columns, rows) => {
      const marks = columns.map(() => '?').join(', ')
      const insert = connection.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`)
      connection.transaction(() => rows.forEach(row => void insert.run(...row)))()
    },
    close: async () => void connection.close(),
  }
}

const typeOf = (column: string, value: Value | undefined): string => {
  if (/^(?:timestamp|last_seen)$/.test(column)) return 'timestamptz'
  if (typeof value === 'string') return 'text'
  return /_(?:mb|bytes|seconds)$/.test(column) ? 'int8' : 'float8'
}

const openServer = async (url: string): Promise<Store> => {
  const sequelize = await connectPostgres(url)
  initModels(sequelize)
  const own: string | Readonly<{ schema: string }> = Server.getTableName()
  const schema = typeof own === 'string' ? 'public' : own.schema
  const within = (table: string) => `"${schema.replaceAll('"', '""')}".${table}`
  return {
    count: async table => {
      const sql = `SELECT count(*) AS rows FROM ${within(table)}`
      const [found] = await sequelize.query<{ rows: number }>(sql, { type: QueryTypes.SELECT })
      return found?.rows ?? 0
    },
    insert: async (table, columns, rows) => {
      // one array for each column, whose values a server takes as texts
      const typed = columns.map((column, place) => `$${place + 1}::${typeOf(column, rows[0]?.[place])}[]`)
      const isTime = (column: string) => typeOf(column, '') === 'timestamptz'
      const bind = columns.map((column, place) => rows.map(row => `${row[place]}${isTime(column) ? 'Z' : ''}`))
      await sequelize.query(
        `INSERT INTO ${within(table)} (${columns.join(', ')}) SELECT * FROM unnest(${typed.join(', ')})`,
        {
          bind,
        },
      )
    },
    close: () => sequelize.close(),
  }
}

const serverColumns = ['id', 'hostname', 'os_distribution', 'os_version', 'architecture', 'status', 'last_seen']
const metricColumns = [
  ...['server_id', 'timestamp', 'cpu_percent', 'memory_percent', 'memory_total_mb', 'memory_used_mb'],
  ...['disk_percent', 'disk_total_gb', 'disk_used_gb', 'network_rx_bytes', 'network_tx_bytes'],
  ...['load_1m', 'load_5m', 'load_15m', 'uptime_seconds'],
]
/** Rows that are written at once. */
const batch = 4320

const seed = async (store: Store): Promise<void> => {
  const now = Math.floor(Date.now() / 60_000)
  const text = (minute: number): string => new Date(minute * 60_000).toISOString().slice(0, 19).replace('T', ' ')
  for (const [place, [id, distribution, version, architecture, status]] of fleet.entries()) {
    // who is not online was last heard of some hours or days ago
    const end = now - { online: 0, unknown: 9 * 60, offline: 3 * 1440 }[status]
    const metricAt = (step: number): readonly Value[] => {
      const minute = end - minutes + 1 + step
      const cpu = cpuAt(place + 1, minute, step)
      const memory = Math.min(97, 25 + 4 * place + 10 * Math.sin(step / 900) + 3 * noise(place + 200, step))
      const disk = 30 + 4 * place + (10 * step) / minutes
      const received = BigInt(step) * BigInt(40_000_000 * (place + 1))
      const load = cpu / 25
      return [
        ...[id, text(minute), cpu, memory, 16_384, Math.round(memory * 163.84), disk, 4000, disk * 40],
        ...[received, received / 7n, load, load * 0.9, load * 0.8, 60 * (step % (20_000 + 1000 * place))],
      ]
    }
    await store.insert('servers', serverColumns, [
      [id, `${id}.lan`, distribution, version, architecture, status, text(end)],
    ])
    for (let first = 0; first < minutes; first += batch) {
      await store.insert(
        'metrics',
        metricColumns,
        Array.from({ length: batch }, (_, step) => metricAt(first + step)),
      )
      if (process.stderr.isTTY) process.stderr.write(`\r${bar(place * minutes + first)}`)
    }
  }
  process.stderr.write(`${process.stderr.isTTY ? '\r' : ''}${bar(total)}\n`)
}

const { DATABASE_URL = `sqlite:${join(root, 'data/demo/homelab.db')}` } = process.env
const isServer = /^postgres(?:ql)?:/i.test(DATABASE_URL)
const file = DATABASE_URL.replace(/^sqlite:/, '')
const env = { ...process.env, DATABASE_URL }
if (!isServer) mkdirSync(dirname(file), { recursive: true })
const migrated = spawnSync(process.execPath, [join(root, 'bin/migrator.js')], { env, stdio: 'inherit' })
if (migrated.status !== 0) process.exit(migrated.status ?? 1)

const store = isServer ? await openServer(DATABASE_URL) : openFile(file)
const isEmpty = (await store.count('servers')) === 0
const start = performance.now()
if (isEmpty) await seed(store)
const found = await store.count('metrics')
await store.close()
const seconds = ((performance.now() - start) / 1000).toFixed(1)
// a URL may have a password in it
const shown = isServer ? 'the server' : file
console.log(`${shown} has ${found.toLocaleString('en')} metrics${isEmpty ? `, made in ${seconds} s` : ' already'}`)
if (!process.argv.includes('--seed-only')) {
  console.log(`the hub shows them on http://localhost:${process.env.PORT ?? 8080}; Ctrl-C ends it`)
  process.env.DATABASE_URL = DATABASE_URL
  await import('./hub/hub.ts')
}
