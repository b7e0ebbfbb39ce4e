import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'

export const program = join(import.meta.dirname, '../bin/migrator.js')

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Runs `work` with a temporary folder, and takes that away again. */
export const withFolder = async <T>(work: (folder: string) => T | Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  try {
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/**
 * Makes the image's bundle in a folder, laid out as there.
 * @param root of the checkout whose bundle it is
 * @returns the words after `node` that run it as the image does: options, and the file
 */
export const makeBundle = (folder: string, root: string = join(program, '../..')): readonly string[] => {
  const dist = join(folder, 'app/dist')
  mkdirSync(join(folder, 'app'), { recursive: true })
  copyFileSync(join(root, 'package.json'), join(folder, 'app/package.json'))
  runScript(root, 'bundle.ts', dist)
  warm(root, dist)
  const [, entry = '[]'] = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? []
  const options = JSON.parse(entry).filter((word: string) => word.startsWith('-'))
  return [...options, join(dist, 'main.cjs')]
}

/** Options of V8 under which a run is the same each time: no second thread, random hashes, or optimising compiler. */
export const still = ['--single-threaded', '--predictable', '--hash-seed=1', '--random-seed=1', '--no-opt']

/** Fills the caches of a bundle as the image has them, where its checkout does. @param options of V8 that it is started with: others have other caches */
export const warm = (root: string, dist: string, options: readonly string[] = []): void => {
  if (existsSync(join(root, 'scripts/warm.ts'))) runScript(root, 'warm.ts', dist, ...options)
}

const runScript = (root: string, script: string, ...words: readonly string[]): void => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts', script), ...words], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`scripts/${script} exited ${status}: ${stderr}`)
}

/** Makes a migrated database with so many metrics of 11 servers, a minute apart, and a marker beside it. */
export const makeDatabase = (file: string, metrics: number): void => {
  const env = { ...process.env, DATABASE_URL: `sqlite:${file}`, MIGRATOR_LOG_LEVEL: 'warn' }
  const { status } = spawnSync(process.execPath, [program], { env, stdio: 'inherit' })
  if (status !== 0) throw new Error(`the migrator exited ${status}`)
  const connection = new Database(file)
  connection.exec(`
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
    INSERT INTO servers (id, hostname) SELECT 'server-' || i, 'host-' || i FROM n;
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT ${metrics})
    INSERT INTO metrics (server_id, timestamp, cpu_percent, memory_percent)
    SELECT 'server-' || (i % 11), datetime('2026-01-01', '+' || (i / 11) || ' minutes'), i % 100, i % 90 FROM n`)
  connection.close()
}

/** Fills the other columns of all metrics. */
export const fillColumns = (file: string): void => {
  const connection = new Database(file)
  connection.exec(`
    UPDATE metrics SET memory_total_mb = 16000, memory_used_mb = 8000, disk_percent = 33.3, disk_total_gb = 1800.5, disk_used_gb = 600.25,
      network_rx_bytes = id * 1234567, network_tx_bytes = id * 2345678, load_1m = 0.51, load_5m = 0.4, load_15m = 0.3, uptime_seconds = id;
    VACUUM`)
  connection.close()
}

/** A program that is started, and what it is started with. */
export type Run = Readonly<{
  name: string
  words: readonly string[]
  env?: Readonly<Record<string, string>>
  before?: () => void
}>
/** Milliseconds by the clock, and seconds of CPU. */
export type Cost = Readonly<{ wall: number; cpu: number }>

/**
 * Seconds of CPU that all ended children of this process took so far: cutime and cstime of proc(5), in hundredths. The sum is cut off, not
 * what each child took, as GNU time does: that would leave ten milliseconds out of every run.
 */
export const childrenCpu = (): number => {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

/** Runs it and gives what it wrote to standard error. */
export const start = ({ name, words, env = {} }: Run, options: readonly string[] = []): string => {
  const { status, stderr } = spawnSync(process.execPath, [...options, ...words], {
    env: { PATH: '/usr/bin', ...env },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${name} exited ${status}: ${stderr}`)
  return stderr
}

/**
 * Instructions of a run, counted by valgrind: the same to 1 in 10,000 whatever else the machine does, where the compile cache is
 * warm. Without a second thread, random hashes, the optimising compiler and random addresses, which would differ each time.
 * @returns undefined where there is no valgrind
 */
export const instructions = ({ name, words, env = {}, before }: Run): number | undefined => {
  const count = (...tool: readonly string[]): string | undefined => {
    before?.()
    const command = [...tool, process.execPath, ...still, ...words]
    const { error, status, stderr } = spawnSync('setarch', ['-R', ...command], {
      env: { PATH: '/usr/bin:/bin', ...env },
      encoding: 'utf8',
    })
    if (error !== undefined || status === 127) return undefined
    if (status !== 0) throw new Error(`${name} exited ${status}: ${stderr}`)
    return stderr
  }
  // the compile cache of these flags is another one
  for (let turn = 0; turn < 3; turn += 1) count()
  const counted = count('valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null')
  return counted === undefined ? undefined : Number(/refs:\s*([\d,]+)/.exec(counted)?.[1]?.replaceAll(',', ''))
}

/** A ratio of instructions, or that none were counted. */
export const told = (ratio: number): string => (Number.isNaN(ratio) ? 'not counted' : ratio.toFixed(3))

const reportAnonymous = `process.on('exit', () =>
  require('fs').writeSync(2, /RssAnon:.*/.exec(require('fs').readFileSync('/proc/self/status', 'utf8'))[0]))`

/** KiB of anonymous memory at a run's end, median of 9: file-backed pages are shared, and counted by what the page cache holds. */
export const anonymousMemory = (run: Run, folder: string): number => {
  const report = join(folder, 'report-memory.cjs')
  writeFileSync(report, reportAnonymous)
  const measured = Array.from({ length: 9 }, () => {
    run.before?.()
    return Number(/RssAnon:\s*(\d+)/.exec(start(run, ['--require', report]))?.[1])
  })
  return median(measured)
}

export const measure = (run: Run): Cost => {
  run.before?.()
  const cpu = childrenCpu()
  const begin = performance.now()
  start(run)
  return { wall: performance.now() - begin, cpu: childrenCpu() - cpu }
}
