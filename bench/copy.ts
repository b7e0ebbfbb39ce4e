/**
 * What it takes to move a hub to PostgreSQL, beside pgloader: of 5,000,000 metrics with all their columns filled, `migrator copy`, which
 * checks every value before, reads everything back and compares it, and Debian's pgloader 3.6, which only copies. In turns, each into
 * a new database of one server on this machine; and the most memory that each process had (GNU time).
 * `npm run bench:copy` fails when a copy takes longer than pgloader or over 150 MB. ROWS and RUNS say another size and other turns.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { formatBytes, formatCount } from '../src/text.ts'
import { startServer } from '../test/help/postgres.ts'
import { fillColumns, makeBundle, makeDatabase, median, program, withFolder } from './measure.ts'

const rows = Number(process.env.ROWS ?? 5_000_000)
const rounds = Number(process.env.RUNS ?? 3)
const limits = { ratio: 1, memory: 150e6 }

/** Milliseconds, and bytes of memory at most. */
type Cost = Readonly<{ time: number; memory: number }>

const timed = (words: readonly string[], env: Readonly<Record<string, string>> = {}): Cost => {
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync('/usr/bin/time', ['-f', 'kilobytes %M', ...words], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  })
  const time = performance.now() - start
  const kilobytes = /kilobytes (\d+)/.exec(stderr)?.[1]
  // pgloader ends with 0 whatever it could not copy
  if (status !== 0 || kilobytes === undefined || /\b(?:ERROR|FATAL)\b/.test(stdout + stderr))
    throw new Error(`${words.join(' ')} exited ${status}: ${stdout}${stderr}`)
  return { time, memory: Number(kilobytes) * 1024 }
}

const server = await startServer('max_wal_size=4GB')
try {
  await withFolder(async folder => {
    const file = join(folder, 'data/homelab.db')
    mkdirSync(join(folder, 'data'))
    mkdirSync(join(folder, 'cache'))
    makeDatabase(file, rows)
    fillColumns(file)
    const bundle = makeBundle(folder)
    const ours = async (): Promise<Cost> => {
      const url = await server.makeDatabase()
      return timed([process.execPath, ...bundle, 'copy', '--from', `sqlite:${file}`], {
        ...{ DATABASE_URL: url, MIGRATOR_MIGRATIONS: join(program, '../../migrations') },
        ...{ NODE_COMPILE_CACHE: join(folder, 'cache'), MIGRATOR_LOG_LEVEL: 'warn' },
      })
    }
    const theirs = async (): Promise<Cost> => {
      const url = await server.makeDatabase()
      return timed(['pgloader', '--quiet', `sqlite://${file}`, url.replace(/^postgres/, 'pgsql').replace(/\?.*/, '')])
    }
    const turns: Readonly<{ ours: Cost; theirs: Cost }>[] = []
    // the first turns fill the page cache
    for (let round = 0; round < rounds; round += 1) turns.push({ ours: await ours(), theirs: await theirs() })
    const [copy, pgloader] = (['ours', 'theirs'] as const).map(who => ({
      time: median(turns.map(turn => turn[who].time)),
      memory: Math.max(...turns.map(turn => turn[who].memory)),
    })) as [Cost, Cost]
    const perSecond = ({ time }: Cost): string => `${formatCount(Math.round((rows * 1000) / time))} rows/s`
    const shown = (cost: Cost): string =>
      `${(cost.time / 1000).toFixed(1)} s, ${perSecond(cost)}, at most ${formatBytes(cost.memory)} of memory`
    console.log(
      `Node ${process.versions.node}; ${formatCount(rows)} metrics, ${formatBytes(statSync(file).size)}; medians of ${rounds} turns`,
    )
    console.log(`pgloader, not compared: ${shown(pgloader)}`)
    console.log(
      `migrator copy, checked, read back and compared: ${shown(copy)}: ${(copy.time / pgloader.time).toFixed(2)} times that`,
    )
    process.exitCode = copy.time <= limits.ratio * pgloader.time && copy.memory <= limits.memory ? 0 : 1
  })
} finally {
  await server.stop()
}
