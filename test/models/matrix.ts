/** One migrated file, four ways to write and to read it: each reads the same out of every row, whoever wrote it. */
import { execFileSync, spawnSync } from 'node:child_process'
import t from 'tap'
import type { Connection } from '../../src/database/open.ts'
import { connectSequelize } from '../../src/database/sequelize.ts'
import { connectSequelize as connectSequelize7 } from '../../src/database/sequelize-v7.ts'
import { initModels, Metric, type NewMetric, type NewServer, Server } from '../../src/models/init-models.ts'
import { initModels as initModels7, Metric as Metric7, Server as Server7 } from '../../src/models/v7/init-models.ts'
import { makeMigrated } from '../help/migrated.ts'

// far from UTC: whoever takes stored text for local time is hours off
process.env.TZ = 'America/New_York'

/** A metric as everybody must read it: time in ISO 8601, counters as digits. */
type Read = Readonly<{ time: string; cpu: number | null; rx: string | null; tx: string | null; os: unknown }>
type Face = Readonly<{
  write: (server: NewServer, metrics: readonly NewMetric[]) => Promise<unknown>
  /** metrics of every server, in the order of time */
  read: () => Promise<readonly Read[]>
}>

const largest = '9223372036854775807'
const digits = (value: unknown): string | null => (value === null ? null : String(value))
const iso = (text: unknown): string => new Date(`${String(text).slice(0, 23).replace(' ', 'T')}Z`).toISOString()

const query = `SELECT timestamp, cpu_percent, network_rx_bytes, network_tx_bytes, os_info
  FROM metrics JOIN servers ON servers.id = server_id ORDER BY timestamp`
const insertServer = 'INSERT INTO servers (id, hostname, os_distribution) VALUES (?, ?, ?)'
const insertMetric = `INSERT INTO metrics (server_id, timestamp, cpu_percent, network_rx_bytes, network_tx_bytes)
  VALUES (?, ?, ?, ?, ?)`
const sqlTime = (time: Date): string => time.toISOString().replace('T', ' ').replace('Z', '')
const toValues = ({ server_id, timestamp, cpu_percent, network_rx_bytes, network_tx_bytes }: NewMetric) =>
  [server_id, sqlTime(timestamp), cpu_percent ?? null, network_rx_bytes ?? null, network_tx_bytes ?? null] as const

const sql = (connection: Connection): Face => ({
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

const models = (server: typeof Server, metric: typeof Metric): Face => ({
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
const python = (file: string): Face => {
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

const skip =
  spawnSync('python3', ['-c', 'import sqlite3']).status !== 0 && 'there is no python3 with its sqlite3 module'

t.test('raw SQL, Sequelize 6, Sequelize 7 and Python read what each of them wrote', { skip }, async t => {
  const { connection, file } = await makeMigrated(t)
  initModels(connectSequelize(connection))
  initModels7(connectSequelize7(connection))
  const faces: Readonly<Record<string, Face>> = {
    sql: sql(connection),
    v6: models(Server, Metric),
    // the types of the two versions have no common parent; the calls that are made here are the same
    v7: models(Server7 as never, Metric7 as never),
    python: python(file),
  }
  const start = Date.parse('2026-01-18T09:59:59.250Z')
  const expected: Read[] = []
  for (const [place, [name, face]] of Object.entries(faces).entries()) {
    // each writer's times lie between those of the others, across a second, a minute and an hour
    const metrics = [0, 1, 2].map(
      (step): NewMetric => ({
        server_id: name,
        timestamp: new Date(start + step * 1000 + place * 100),
        cpu_percent: step === 2 ? null : step + 0.5,
        network_rx_bytes: step === 0 ? largest : step === 1 ? '9007199254740993' : null,
        network_tx_bytes: step * 1000,
      }),
    )
    await face.write({ id: name, hostname: `${name}.lan`, os_distribution: `${name} OS` }, metrics)
    for (const { timestamp, cpu_percent, network_rx_bytes, network_tx_bytes } of metrics)
      expected.push({
        time: timestamp.toISOString(),
        cpu: cpu_percent ?? null,
        rx: digits(network_rx_bytes),
        tx: digits(network_tx_bytes),
        os: { distribution: `${name} OS`, version: null, kernel: null, architecture: null },
      })
  }
  expected.sort((a, b) => a.time.localeCompare(b.time))
  for (const [name, face] of Object.entries(faces))
    t.strictSame(await face.read(), expected, `${name} reads the rows of all four, in the order of time`)
})

t.test('what SQL fills in by default is the same time to all, in UTC', { skip }, async t => {
  const { connection, file } = await makeMigrated(t)
  initModels(connectSequelize(connection))
  connection.exec("INSERT INTO servers (id, hostname) VALUES ('sql', 'sql.lan')")
  execFileSync('python3', [
    '-c',
    `import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT INTO servers (id, hostname) VALUES ('python', 'python.lan')")
db.commit()`,
    file,
  ])
  await Server.create({ id: 'v6', hostname: 'v6.lan' })
  for (const { created_at, status } of await Server.findAll()) {
    t.ok(Math.abs(Date.now() - created_at.getTime()) < 60_000)
    t.equal(status, 'unknown')
  }
})
