import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import t, { type Test } from 'tap'
import { root, runProgram, settingsFor } from './help/program.ts'

/** A database made by the real program. */
const make = async (t: Pick<Test, 'testdir' | 'teardown'>) => {
  const folder = t.testdir()
  await runProgram([], settingsFor(folder))
  const connection = new Database(join(folder, 'homelab.db'))
  t.teardown(() => connection.close())
  return { folder, connection }
}
const columns = (connection: Database.Database, table: string) =>
  connection
    .prepare(`SELECT name, type, "notnull", dflt_value AS fallback, pk FROM pragma_table_xinfo('${table}')`)
    .raw()
    .all()
const insertServer = (connection: Database.Database) =>
  connection.exec("INSERT INTO servers (id, hostname, os_version) VALUES ('omv-mediaserver', 'omv.lan', '7.1')")

t.test('migrations/schema.sql is what the migrations make', async t => {
  const folder = t.testdir()
  t.match(await runProgram([], settingsFor(folder, { MIGRATOR_MIGRATIONS: join(root, 'migrations') })), { exitCode: 0 })
  const connection = new Database(join(folder, 'homelab.db'))
  t.teardown(() => connection.close())
  const made = connection
    .prepare("SELECT sql || ';' FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY rowid")
    .pluck()
    .all()
  t.equal(`${made.join('\n')}\n`, readFileSync(join(root, 'migrations/schema.sql'), 'utf8'))
})

t.test('servers has the columns of the requirement, and os_info', async t => {
  const { connection } = await make(t)
  t.strictSame(columns(connection, 'servers'), [
    ['id', 'TEXT', 0, null, 1],
    ['hostname', 'TEXT', 1, null, 0],
    ['display_name', 'TEXT', 0, null, 0],
    ['ip_address', 'TEXT', 0, null, 0],
    ['status', 'TEXT', 0, "'unknown'", 0],
    ['os_distribution', 'TEXT', 0, null, 0],
    ['os_version', 'TEXT', 0, null, 0],
    ['kernel_version', 'TEXT', 0, null, 0],
    ['architecture', 'TEXT', 0, null, 0],
    ['tdp_watts', 'INTEGER', 0, null, 0],
    ['last_seen', 'TIMESTAMP', 0, null, 0],
    ['created_at', 'TIMESTAMP', 0, 'CURRENT_TIMESTAMP', 0],
    ['updated_at', 'TIMESTAMP', 0, 'CURRENT_TIMESTAMP', 0],
    ['os_info', 'TEXT', 0, null, 0],
  ])
})

t.test('metrics has the columns of the requirement', async t => {
  const { connection } = await make(t)
  t.strictSame(columns(connection, 'metrics'), [
    ['id', 'INTEGER', 0, null, 1],
    ['server_id', 'TEXT', 1, null, 0],
    ['timestamp', 'TIMESTAMP', 1, null, 0],
    ['cpu_percent', 'REAL', 0, null, 0],
    ['memory_percent', 'REAL', 0, null, 0],
    ['memory_total_mb', 'INTEGER', 0, null, 0],
    ['memory_used_mb', 'INTEGER', 0, null, 0],
    ['disk_percent', 'REAL', 0, null, 0],
    ['disk_total_gb', 'REAL', 0, null, 0],
    ['disk_used_gb', 'REAL', 0, null, 0],
    ['network_rx_bytes', 'INTEGER', 0, null, 0],
    ['network_tx_bytes', 'INTEGER', 0, null, 0],
    ['load_1m', 'REAL', 0, null, 0],
    ['load_5m', 'REAL', 0, null, 0],
    ['load_15m', 'REAL', 0, null, 0],
    ['uptime_seconds', 'INTEGER', 0, null, 0],
  ])
  t.match(connection.prepare("SELECT sql FROM sqlite_schema WHERE name = 'metrics'").pluck().get(), /AUTOINCREMENT/)
})

t.test('a server can be inserted and retrieved, with its defaults and os_info', async t => {
  const { connection } = await make(t)
  insertServer(connection)
  t.match(connection.prepare('SELECT * FROM servers').get(), {
    id: 'omv-mediaserver',
    hostname: 'omv.lan',
    status: 'unknown',
    created_at: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    os_info: '{"distribution":null,"version":"7.1","kernel":null,"architecture":null}',
  })
})

t.test('a server without hostname is refused', async t => {
  const { connection } = await make(t)
  t.throws(() => connection.exec("INSERT INTO servers (id) VALUES ('x')"), { code: 'SQLITE_CONSTRAINT_NOTNULL' })
})

t.test('metrics can be inserted, and queried by server', async t => {
  const { connection } = await make(t)
  insertServer(connection)
  connection.exec(`INSERT INTO metrics (server_id, timestamp, cpu_percent, network_rx_bytes)
    VALUES ('omv-mediaserver', '2026-01-18 10:00:00', 12.5, 9007199254740993)`)
  const row = connection.prepare('SELECT * FROM metrics WHERE server_id = ?').safeIntegers().get('omv-mediaserver')
  t.match(row, { id: 1n, cpu_percent: 12.5, network_rx_bytes: 9007199254740993n })
})

t.test('metrics of a server that is not there are refused', async t => {
  const { connection } = await make(t)
  const insert = "INSERT INTO metrics (server_id, timestamp) VALUES ('nobody', '2026-01-18 10:00:00')"
  t.throws(() => connection.exec(insert), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
})

t.test('a server with metrics cannot be removed', async t => {
  const { connection } = await make(t)
  insertServer(connection)
  connection.exec("INSERT INTO metrics (server_id, timestamp) VALUES ('omv-mediaserver', '2026-01-18 10:00:00')")
  t.throws(() => connection.exec('DELETE FROM servers'), { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
})

t.test('a range of one server is found by the index', async t => {
  const { connection } = await make(t)
  const plan = connection
    .prepare("EXPLAIN QUERY PLAN SELECT * FROM metrics WHERE server_id = 'a' AND timestamp BETWEEN 'b' AND 'c'")
    .all()
  t.match(plan, [
    { detail: /USING INDEX idx_metrics_server_timestamp \(server_id=\? AND timestamp>\? AND timestamp<\?\)/ },
  ])
})

t.test('data is still there after another run', async t => {
  const { folder, connection } = await make(t)
  insertServer(connection)
  t.match(await runProgram([], settingsFor(folder)), { exitCode: 0 })
  t.equal(connection.prepare('SELECT count(*) FROM servers').pluck().get(), 1)
})

t.test('migrations apply to a database that already has data', async t => {
  const folder = t.testdir({ old: {} })
  const old = ['0001-create-servers.ts', '0002-create-metrics.ts'].map(name => [
    name,
    readFileSync(join(root, 'migrations', name), 'utf8'),
  ])
  const migrations = t.testdir({ data: {}, migrations: Object.fromEntries(old) })
  await runProgram([], settingsFor(folder, { MIGRATOR_MIGRATIONS: join(migrations, 'migrations') }))
  const connection = new Database(join(folder, 'homelab.db'))
  t.teardown(() => connection.close())
  insertServer(connection)
  t.match(await runProgram([], settingsFor(folder)), { exitCode: 0 })
  t.match(connection.prepare('SELECT * FROM servers').get(), { hostname: 'omv.lan', os_info: /"version":"7\.1"/ })
})
