/**
 * How much the index of metrics is worth: a one-day range of one server among 1,000,000 metrics, with and without it.
 * `npm run bench:index` prints medians of interleaved runs and fails when the index is not worth 20 times.
 */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { makeDatabase, median, withFolder } from './measure.ts'

const metrics = 1_000_000
const runs = 21
const goal = 20
const query = `SELECT * FROM metrics WHERE server_id = 'server-5'
  AND timestamp >= '2026-01-20 00:00:00' AND timestamp < '2026-01-21 00:00:00'`

await withFolder(folder => {
  const file = join(folder, 'homelab.db')
  makeDatabase(file, metrics)
  const connection = new Database(file)
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
})
