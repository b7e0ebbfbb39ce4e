/**
 * How much the index of metrics is worth: a one-day range of one server among 1,000,000 metrics, with and without it.
 * `npm run bench:index` prints medians of interleaved runs and fails when the index is not worth 20 times.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'

const metrics = 1_000_000
const servers = 11
const runs = 21
const goal = 20
const query = `SELECT * FROM metrics WHERE server_id = 'server-5'
  AND timestamp >= '2026-01-20 00:00:00' AND timestamp < '2026-01-21 00:00:00'`

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const folder = mkdtempSync(join(tmpdir(), 'bench-index-'))
try {
  const file = join(folder, 'homelab.db')
  const program = join(import.meta.dirname, '../bin/migrator.js')
  spawnSync(process.execPath, [program], { env: { ...process.env, DATABASE_URL: `sqlite:${file}` }, stdio: 'inherit' })
  const connection = new Database(file)
  connection.exec(`
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${servers - 1})
    INSERT INTO servers (id, hostname) SELECT 'server-' || i, 'host-' || i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${metrics - 1})
    INSERT INTO metrics (server_id, timestamp, cpu_percent, memory_percent)
    SELECT 'server-' || (i % ${servers}), datetime('2026-01-01', '+' || (i / ${servers}) || ' minutes'), i % 100, i % 90 FROM n`)
  const withIndex = connection.prepare(query)
  const without = connection.prepare(query.replace('FROM metrics', 'FROM metrics NOT INDEXED'))
  const timed = (statement: typeof withIndex): number => {
    const start = performance.now()
    const rows = statement.all().length
    if (rows !== 1440) throw new Error(`expected 1440 rows, got ${rows}`)
    return performance.now() - start
  }
  const times = Array.from({ length: runs }, () => ({ indexed: timed(withIndex), scanned: timed(without) }))
  const indexed = median(times.map(time => time.indexed))
  const scanned = median(times.map(time => time.scanned))
  const ratio = scanned / indexed
  connection.close()
  console.log(`one day of one server, 1,440 of ${metrics.toLocaleString('en')} metrics, medians of ${runs} runs`)
  console.log(
    `with the index ${indexed.toFixed(2)} ms, without ${scanned.toFixed(2)} ms: ${ratio.toFixed(1)} times faster`,
  )
  process.exitCode = ratio >= goal ? 0 : 1
} finally {
  rmSync(folder, { recursive: true })
}
