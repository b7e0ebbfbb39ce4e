import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Database from 'better-sqlite3'

export const root = join(import.meta.dirname, '../..')

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

/** Starts the real program; `environment` is added to this process's, and what is undefined there is taken away. */
export const startProgram = (words: readonly string[], environment: Readonly<Record<string, string | undefined>>) => {
  const child = spawn(process.execPath, [join(root, 'bin/migrator.js'), ...words], {
    cwd: environment.PWD ?? root,
    env: { ...process.env, MIGRATOR_LOG_FORMAT: 'json', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<Pick<Outcome, 'exitCode' | 'signal'>>(resolve => {
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }))
  })
  const finish = async (): Promise<Outcome> => {
    const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended])
    const events = stderr.split('\n').flatMap(parseLine)
    return { ...end, stdout, stderr, events, failure: events.find(({ event }) => event === 'failed')?.code }
  }
  return { child, outcome: finish() }
}

export const runProgram = (
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Outcome> => startProgram(words, environment).outcome

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
