import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
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
 * @returns the file to run
 */
export const makeBundle = (folder: string, root: string = join(program, '../..')): string => {
  const dist = join(folder, 'app/dist')
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/bundle.ts'), dist], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`scripts/bundle.ts exited ${status}: ${stderr}`)
  copyFileSync(join(root, 'package.json'), join(folder, 'app/package.json'))
  return join(dist, 'main.cjs')
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

/** A program that is started, and what it is started with. */
export type Run = Readonly<{
  name: string
  words: readonly string[]
  env?: Readonly<Record<string, string>>
  before?: () => void
}>
/** Milliseconds by the clock, and seconds of CPU. */
export type Cost = Readonly<{ wall: number; cpu: number }>

/** Seconds of CPU that ended children of this process took: cutime and cstime of proc(5), in hundredths. */
const childrenCpu = (): number => {
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

export const measure = (run: Run): Cost => {
  run.before?.()
  const cpu = childrenCpu()
  const begin = performance.now()
  start(run)
  return { wall: performance.now() - begin, cpu: childrenCpu() - cpu }
}
