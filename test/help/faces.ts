import { execFileSync } from 'node:child_process'
import type { Metric, NewMetric, NewServer, Server } from '../../src/hub/models.ts'
import type { Connection } from '../../src/sqlite/connect.ts'

/** A metric as everybody must read it: time in ISO 8601, counters as digits. */
export type Read = Readonly<{ time: string; cpu: number | null; rx: string | null; tx: string | null; os: unknown }>
/** One way to use a migrated database. */
export type Face = Readonly<{
  write: (server: NewServer, metrics: readonly NewMetric[]) => Promise<unknown>
  /** metrics of every server, in the order of time */
  read: () => Promise<readonly Read[]>
}>

/** A counter as text; null stays. */
export const digits = (value: unknown): string | null => (value === null ? null : String(value))
const iso = (text: unknown): string => new Date(`${String(text).slice(0, 23).replace(' ', 'T')}Z`).toISOString()

const query = `SELECT timestamp, cpu_percent, network_rx_bytes, network_tx_bytes, os_info
  FROM metrics JOIN servers ON servers.id = server_id ORDER BY timestamp`
const insertServer = 'INSERT INTO servers (id, hostname, os_distribution) VALUES (?, ?, ?)'
const insertMetric = `INSERT INTO metrics (server_id, timestamp, cpu_percent, network_rx_bytes, network_tx_bytes)
  VALUES (?, ?, ?, ?, ?)`
const sqlTime = (time: Date): string => time.toISOString().replace('T', ' ').replace('Z', '')
const toValues = ({ server_id, timestamp, cpu_percent, network_rx_bytes, network_tx_bytes }: NewMetric) =>
  [server_id, sqlTime(timestamp), cpu_percent ?? null, network_rx_bytes ?? null, network_tx_bytes ?? null] as const

/** better-sqlite3 alone. */
export const sql = (connection: Connection): Face => ({
  write: async ({ id, hostname, os_distribution }, metrics) => {
    connection.prepare(insertServer).run(id, hostname, os_distribution)
    for (const metric of metrics) {
      const bound = toValues(metric).map((value, index) => (index > 2 && value !== null ? BigInt(value) : value))
      connection.prepare(insertMetric).run(bound)
    }
  },
  read: async () =>
    connection
      .prepare<[], readonly unknown[]>(query)
      .safeIntegers()
      .raw()
      .all()
      .map(([time, cpu, rx, tx, os]) => toRead(time, cpu, rx, tx, os)),
})

const toRead = (time: unknown, cpu: unknown, rx: unknown, tx: unknown, os: unknown): Read => ({
  time: iso(time),
  cpu: cpu === null ? null : Number(cpu),
  rx: digits(rx),
  tx: digits(tx),
  os: JSON.parse(String(os)),
})

/** The models, of either Sequelize. */
export const models = (server: typeof Server, metric: typeof Metric): Face => ({
  write: async (values, metrics) => {
    await server.create(values)
    await metric.bulkCreate(metrics)
  },
  read: async () => {
    const found = await metric.findAll({ include: 'server', order: ['timestamp'] })
    return found.map(({ timestamp, cpu_percent, network_rx_bytes, network_tx_bytes, server }) => ({
      time: timestamp.toISOString(),
      cpu: cpu_percent,
      rx: digits(network_rx_bytes),
      tx: digits(network_tx_bytes),
      os: server?.os_info,
    }))
  },
})

/** Debian's python3, with nothing installed: its integers have no end, so that it is a judge of rounding. */
export const python = (file: string): Face => {
  const run = (program: string, ...words: readonly string[]): string =>
    execFileSync(
      'python3',
      ['-c', `import json, sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\n${program}`, file, ...words],
      {
        encoding: 'utf8',
      },
    )
  return {
    write: async ({ id, hostname, os_distribution }, metrics) => {
      const values = metrics.map(metric => toValues(metric).map((value, index) => (index > 2 ? digits(value) : value)))
      run(
        `server, metrics = json.loads(sys.argv[2])
db.execute("${insertServer}", server)
db.executemany("""${insertMetric}""", [m[:3] + [None if n is None else int(n) for n in m[3:]] for m in metrics])
db.commit()`,
        JSON.stringify([[id, hostname, os_distribution], values]),
      )
    },
    read: async () => {
      const rows: readonly (readonly unknown[])[] = JSON.parse(
        run(
          `print(json.dumps([[n if not isinstance(n, int) else str(n) for n in row] for row in db.execute("""${query}""")]))`,
        ),
      )
      return rows.map(([time, cpu, rx, tx, os]) => toRead(time, cpu, rx, tx, os))
    },
  }
}
