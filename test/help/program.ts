import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { runProgram as runIn } from '../../src/program.ts'
import { bundleOnce } from './bundled.ts'
import { firstThree } from './first-three.ts'
import './use-uri.ts'

export const root = join(import.meta.dirname, '../..')

// scripts/coverage.ts sets it: child processes run the sources then, without the cache of compiled code, which makes coverage imprecise
const { NODE_V8_COVERAGE = '', NODE_DISABLE_COMPILE_CACHE = '' } = process.env
const isMeasured = NODE_V8_COVERAGE !== ''
delete process.env.NODE_OPTIONS
process.env.NODE_COMPILE_CACHE = join(root, 'node_modules/.cache/compiled')

/** For a process that gets none of this one's environment. */
export const measured: Readonly<Record<string, string>> = isMeasured
  ? { NODE_V8_COVERAGE, NODE_DISABLE_COMPILE_CACHE }
  : {}

/** With this Node resolves `homelab-migrator/...` to src: a checkout has nothing compiled. */
export const fromSources = ['--conditions=homelab-migrator-source']

export type Outcome = Readonly<{
  exitCode: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
  /** the log, a JSON line each */
  events: readonly Readonly<Record<string, unknown>>[]
  /** `code` of the line that says how it failed */
  failure: unknown
}>

/** Added to this process's environment; what is undefined is taken away. */
type Settings = Readonly<Record<string, string | undefined>>

/** What a process of its own runs. */
export const entry = isMeasured ? join(root, 'bin/migrator.js') : bundleOnce()
const environmentOf = (settings: Settings): Settings => ({
  ...process.env,
  MIGRATOR_LOG_FORMAT: 'json',
  MIGRATOR_MIGRATIONS: firstThree,
  ...settings,
})

/** Starts the program as a process of its own. */
export const startProgram = (words: readonly string[], settings: Settings) => {
  const child = spawn(process.execPath, [entry, ...words], {
    cwd: settings.PWD ?? root,
    env: environmentOf(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<Pick<Outcome, 'exitCode' | 'signal'>>(resolve => {
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }))
  })
  const finish = async (): Promise<Outcome> => {
    const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    return { ...end, stdout, stderr, ...readLog(stderr) }
  }
  return { child, outcome: finish() }
}

/** Runs the program as a process of its own: where signals, exits, locks or loading are what is tested. */
export const spawnProgram = (words: readonly string[], settings: Settings): Promise<Outcome> =>
  startProgram(words, settings).outcome

/** Runs the program in this process, which takes a tenth of the time; in one of its own where Node or the linker reads a setting. */
export const runProgram = async (words: readonly string[], settings: Settings): Promise<Outcome> => {
  if ('LD_PRELOAD' in settings || 'NODE_OPTIONS' in settings) return spawnProgram(words, settings)
  const folder = mkdtempSync(join(tmpdir(), 'output-'))
  const { TMPDIR } = process.env
  const [stdout, stderr] = [join(folder, 'stdout'), join(folder, 'stderr')] as const
  const descriptors = {
    stdin: openSync('/dev/null', 'r'),
    stdout: openSync(stdout, 'w'),
    stderr: openSync(stderr, 'w'),
  }
  try {
    // os.tmpdir() reads it there
    if (settings.TMPDIR !== undefined) process.env.TMPDIR = settings.TMPDIR
    const exitCode = await runIn(words, {
      ...descriptors,
      environment: environmentOf(settings),
      workingFolder: settings.PWD ?? root,
      command: [process.execPath, entry],
      columns: () => undefined,
      identity: process,
      listenForStop: () => {
        const { signal } = new AbortController()
        return () => signal
      },
      ask: async () => '',
      nameProcess: () => undefined,
      isAlone: false,
      sortIn: () => undefined,
    })
    const log = readFileSync(stderr, 'utf8')
    return { exitCode, signal: null, stdout: readFileSync(stdout, 'utf8'), stderr: log, ...readLog(log) }
  } finally {
    if (TMPDIR === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = TMPDIR
    for (const descriptor of Object.values(descriptors)) closeSync(descriptor)
    rmSync(folder, { recursive: true })
  }
}

const versions = new Map<string, string>()
// Node imports a file once, and tests write another migration under the same name
registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context)
    if (!/^file:.*\/migrations\/[^/?]*$/.test(resolved.url)) return resolved
    const { mtimeNs, ino } = statSync(new URL(resolved.url), { bigint: true })
    const version = `${ino}-${mtimeNs}`
    const first = versions.get(resolved.url) ?? version
    versions.set(resolved.url, first)
    return first === version ? resolved : { ...resolved, url: `${resolved.url}?${version}` }
  },
})

const readLog = (stderr: string): Pick<Outcome, 'events' | 'failure'> => {
  const events = stderr.split('\n').flatMap(parseLine)
  return { events, failure: events.find(({ event }) => event === 'failed')?.code }
}

const parseLine = (line: string): Readonly<Record<string, unknown>>[] => {
  try {
    return [JSON.parse(line)]
  } catch {
    return []
  }
}

/** The settings for a database in a test's folder. */
export const settingsFor = (folder: string, more: Readonly<Record<string, string>> = {}) => ({
  DATABASE_URL: `sqlite:${join(folder, 'homelab.db')}`,
  MIGRATOR_LOG_FORMAT: 'json',
  MIGRATOR_MIGRATIONS: firstThree,
  ...more,
})

/** Every object and row of a database, as text: two equal dumps are two equal databases. */
export const dump = (file: string): string => {
  const connection = new Database(file, { readonly: true })
  try {
    const objects = connection
      .prepare<[], { name: string; type: string; sql: string }>('SELECT * FROM sqlite_schema')
      .all()
    const tables = objects.filter(({ type }) => type === 'table').map(({ name }) => name)
    const rows = tables.map(name => [name, connection.prepare(`SELECT * FROM "${name.replaceAll(`"`, `""`)}"`).all()])
    return JSON.stringify([objects, rows])
  } finally {
    connection.close()
  }
}

export const readJson = (file: string): Readonly<Record<string, unknown>> => JSON.parse(readFileSync(file, 'utf8'))

/**
 * Runs code in a process of its own, in which functions of Node's filesystem are others: src takes them when it is loaded.
 * @param patch JavaScript that changes `fs`
 * @param code a module's text; it finds src at the URL `src`
 * @returns what it wrote to standard output
 */
export const runPatched = (folder: string, patch: string, code: string): string => {
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, `const fs = require('fs')\n${patch}`)
  const text = `const src = ${JSON.stringify(pathToFileURL(`${root}/src/`).href)}\n${code}`
  const words = ['--require', preload, '--input-type=module', '--eval', text]
  const { status, stdout, stderr } = spawnSync(process.execPath, words, {
    encoding: 'utf8',
    cwd: root,
    env: measured,
  })
  if (status !== 0) throw new Error(`it exited ${status}: ${stderr}`)
  return stdout
}
