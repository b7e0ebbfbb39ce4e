/** The three ways to keep metrics that bench/scale.ts holds beside each other, each with a year of them. */
import { cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { Client } from 'pg'
import { debian, startServerOf } from '../test/help/postgres.ts'
import { root, spawnProgram } from '../test/help/program.ts'

const day = 1440
const months = 12
/** The values of a metric of server `n` in minute `m`, as wide as those of real ones, in the SQL of both engines. */
const values = `5 + (n * 7 + m) % 90 + 0.37, 20 + (n + m) % 70 + 0.25, 16384, 4096 + (n * 31 + m) % 8192, 30 + n % 60 + 0.5, 1863.5,
  559.25 + m % 100, 123456789 + m * 90000, 98765432 + m * 9000, (m % 40) / 10.0, (m % 30) / 10.0, (m % 20) / 10.0, 86400 + m % 5000000`
const columns = `server_id, timestamp, cpu_percent, memory_percent, memory_total_mb, memory_used_mb, disk_percent, disk_total_gb, disk_used_gb,
  network_rx_bytes, network_tx_bytes, load_1m, load_5m, load_15m, uptime_seconds`

/** Minutes since 1970, every so many of them; `to` is not one. */
export type Stretch = Readonly<{ from: number; to: number; step: number }>

/** Metrics of the last hours, at most: a day of 5,000 servers is more. */
const mostRecent = 1_000_000

/**
 * A year of metrics: the last day with each minute, or as many hours of it as are measured, and before it the same number in every
 * month, spread out evenly.
 * @param rows about how many are before those hours; no more than there would be
 */
export const yearOf = (servers: number, rows: number): readonly [older: Stretch, recent: Stretch] => {
  const now = Math.floor(Date.now() / 60_000)
  const minutes = 365 * day
  const recent = Math.min(day, Math.floor(mostRecent / servers))
  const step = Math.max(1, Math.round((minutes * servers) / rows))
  return [
    { from: now - minutes, to: now - recent, step },
    { from: now - recent, to: now, step: 1 },
  ]
}

/** A database with the hub's tables, and what is done to it. */
export type Store = Readonly<{
  url: string
  /** a folder of migrations, to which more may be written, and the number of the next one */
  migrations: string
  next: number
  fill: (servers: number, stretch: Stretch) => Promise<void>
  /** bytes of metrics and indexes, after what a server does by itself in quiet times */
  settle: () => Promise<number>
  /** Removes the metrics before a time, in minutes since 1970. @returns how many, and for how many milliseconds at most no other could write */
  removeBefore: (minute: number) => Promise<Readonly<{ rows: number; held: number }>>
  /** Writes a metric again and again. @returns a function that ends it, and gives the longest that one took in milliseconds */
  probe: () => Promise<() => Promise<number>>
  /** the process of a server, whose CPU counts, too */
  pid: number | undefined
  stop: () => Promise<void>
}>

export type Design = Readonly<{ name: string; start: (folder: string) => Promise<Store> }>

const migrate = async (url: string, migrations: string): Promise<void> => {
  const { exitCode, stderr } = await spawnProgram([], { DATABASE_URL: url, MIGRATOR_MIGRATIONS: migrations })
  if (exitCode !== 0) throw new Error(`up exited ${exitCode}: ${stderr}`)
}

/** Minutes of so many rows as are written at once. */
const chunksOf = (servers: number, { from, to, step }: Stretch): readonly Stretch[] => {
  const length = Math.max(1, Math.floor(100_000 / servers)) * step
  return Array.from({ length: Math.ceil((to - from) / length) }, (_, place) => ({
    ...{ from: from + place * length, to: Math.min(to, from + (place + 1) * length), step },
  }))
}

const probed = `INSERT INTO metrics (server_id, timestamp, cpu_percent) VALUES ('server-0',`

const startSqlite = async (folder: string): Promise<Store> => {
  const [file, migrations] = [join(folder, 'homelab.db'), join(folder, 'migrations')]
  mkdirSync(folder)
  cpSync(join(root, 'migrations'), migrations, { recursive: true })
  const url = `sqlite:${file}`
  await migrate(url, migrations)
  const connection = new Database(file, { timeout: 3_600_000 })
  return {
    ...{ url, migrations, next: 4, pid: undefined },
    fill: async (servers, stretch) => {
      const insertServers = connection.prepare('INSERT OR IGNORE INTO servers (id, hostname) VALUES (?, ?)')
      connection.transaction(() => {
        for (let n = 0; n < servers; n += 1) insertServers.run(`server-${n}`, `host-${n}.lan`)
      })()
      const insert = connection.prepare(`
        WITH RECURSIVE minutes (m) AS (SELECT $from UNION ALL SELECT m + $step FROM minutes WHERE m + $step < $to),
          fleet (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM fleet WHERE n < $servers - 1)
        INSERT INTO metrics (${columns})
        SELECT 'server-' || n, datetime(m * 60, 'unixepoch'), ${values} FROM minutes CROSS JOIN fleet`)
      for (const chunk of chunksOf(servers, stretch)) insert.run({ ...chunk, servers })
    },
    settle: async () => {
      connection.pragma('wal_checkpoint(TRUNCATE)')
      connection.exec('ANALYZE')
      return statSync(file).size
    },
    // as the demo's hub does it, server by server: no index begins with the time
    removeBefore: async minute => {
      const ids = connection.prepare<[], string>('SELECT id FROM servers').pluck().all()
      const remove = connection.prepare(
        "DELETE FROM metrics WHERE server_id = ? AND timestamp < datetime(? * 60, 'unixepoch')",
      )
      const removed = ids.map(id => {
        const start = performance.now()
        return { rows: remove.run(id, minute).changes, held: performance.now() - start }
      })
      return {
        rows: removed.reduce((sum, { rows }) => sum + rows, 0),
        held: Math.max(...removed.map(({ held }) => held)),
      }
    },
    probe: async () => {
      // SQLite waits inside of it, which stops only this process
      const insert = connection.prepare(`${probed} datetime(), 1)`)
      return probing(async () => void insert.run())
    },
    stop: async () => {
      connection.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Ends when the promise that it returns is called, and takes a breath between two. */
const probing = (write: () => Promise<void>): (() => Promise<number>) => {
  let isOver = false
  let longest = 0
  const running = (async () => {
    for (; !isOver; await setTimeout(20)) {
      const start = performance.now()
      await write()
      longest = Math.max(longest, performance.now() - start)
    }
  })()
  return async () => {
    isOver = true
    await running
    return longest
  }
}

/** What turns the hub's table into one with a partition for each month: a migration like any other, before there are metrics. */
const byMonth = `-- migrate:up
DROP TABLE metrics;
CREATE TABLE metrics (
  id bigint GENERATED BY DEFAULT AS IDENTITY, server_id text NOT NULL REFERENCES servers, timestamp timestamptz NOT NULL,
  cpu_percent double precision, memory_percent double precision, memory_total_mb bigint, memory_used_mb bigint,
  disk_percent double precision, disk_total_gb double precision, disk_used_gb double precision,
  network_rx_bytes bigint, network_tx_bytes bigint,
  load_1m double precision, load_5m double precision, load_15m double precision, uptime_seconds bigint,
  PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);
CREATE INDEX idx_metrics_server_timestamp ON metrics (server_id, timestamp);
`

const startPostgres = async (folder: string, isByMonth: boolean): Promise<Store> => {
  const migrations = join(folder, 'migrations')
  cpSync(join(root, 'migrations'), migrations, { recursive: true })
  const server = await startServerOf(
    debian,
    // what a commit costs is part of it
    ...['fsync=on', 'full_page_writes=on', 'shared_buffers=1GB', 'max_wal_size=8GB', 'max_connections=100'],
  )
  const url = await server.makeDatabase()
  if (isByMonth) {
    writeFileSync(join(migrations, '0004-partition-metrics.postgres.sql'), byMonth)
    writeFileSync(join(migrations, '0004-partition-metrics.js'), 'export const up = async () => undefined\n')
  }
  await migrate(url, migrations)
  if (isByMonth)
    await server.run(
      url,
      'CREATE SCHEMA partman',
      'CREATE EXTENSION pg_partman SCHEMA partman',
      `SELECT partman.create_parent('public.metrics', 'timestamp', 'native', 'monthly',
         p_start_partition := (date_trunc('month', now() - interval '${months} months'))::text)`,
    )
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString: url.replace(/\?.*/, '') })
    await client.connect()
    return client
  }
  const client = await connect()
  return {
    ...{ url, migrations, next: isByMonth ? 5 : 4, pid: server.pid() },
    fill: async (servers, stretch) => {
      await client.query(
        `INSERT INTO servers (id, hostname) SELECT 'server-' || n, 'host-' || n || '.lan' FROM generate_series(0, $1::int - 1) AS n
         ON CONFLICT DO NOTHING`,
        [servers],
      )
      // keys are right here, and looking at each is not what is measured
      await client.query("SET session_replication_role = 'replica'")
      for (const { from, to, step } of chunksOf(servers, stretch))
        await client.query(
          `INSERT INTO metrics (${columns}) SELECT 'server-' || n, to_timestamp(m * 60), ${values}
           FROM generate_series($1::int8, $2::int8 - 1, $3::int8) AS m, generate_series(0, $4::int8 - 1) AS n ORDER BY m`,
          [from, to, step, servers],
        )
      await client.query("SET session_replication_role = 'origin'")
    },
    settle: async () => {
      await client.query('VACUUM ANALYZE')
      await client.query('CHECKPOINT')
      const { rows } = await client.query<{ bytes: string }>(
        // a table without partitions is no tree
        `SELECT pg_total_relation_size('metrics') + coalesce(sum(pg_total_relation_size(relid)), 0) AS bytes
         FROM pg_partition_tree('metrics') WHERE level > 0`,
      )
      return Number(rows[0]?.bytes)
    },
    removeBefore: async minute => {
      if (!isByMonth) {
        const removed = await client.query(
          'DELETE FROM metrics USING servers WHERE server_id = servers.id AND timestamp < to_timestamp($1::int8 * 60)',
          [minute],
        )
        return { rows: removed.rowCount ?? 0, held: 0 }
      }
      await client.query('UPDATE partman.part_config SET retention = $1, retention_keep_table = false', [
        `${Math.floor(Date.now() / 60_000) - minute} minutes`,
      ])
      const count =
        'SELECT sum(reltuples)::int8 AS rows FROM pg_class JOIN pg_partition_tree($1) ON relid = oid WHERE isleaf'
      const rows = async () => Number((await client.query<{ rows: string }>(count, ['metrics'])).rows[0]?.rows)
      const before = await rows()
      await client.query("SELECT partman.run_maintenance('public.metrics')")
      return { rows: before - (await rows()), held: 0 }
    },
    probe: async () => {
      const other = await connect()
      const stop = probing(async () => void (await other.query(`${probed} now(), 1)`)))
      return async () => {
        const longest = await stop()
        await other.end()
        return longest
      }
    },
    stop: async () => {
      await client.end()
      await server.stop()
      rmSync(folder, { recursive: true })
    },
  }
}

export const designs: readonly Design[] = [
  { name: 'SQLite', start: startSqlite },
  { name: 'PostgreSQL', start: folder => startPostgres(folder, false) },
  { name: 'PostgreSQL by month', start: folder => startPostgres(folder, true) },
]
