/** Runs of `up` on a server, in the test's own process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import { cli } from '../../src/cli.ts'
import { readConfig } from '../../src/config.ts'
import type { Context } from '../../src/context.ts'
import { attemptAsync, Failure } from '../../src/failure.ts'
import type { Log } from '../../src/log.ts'
import { upOnServer } from '../../src/on-server/up.ts'
import { createPostgres } from '../../src/postgres/postgres.ts'
import { firstThree } from './first-three.ts'
import { root } from './program.ts'
import { pipe } from './screen.ts'

export type Event = Readonly<{ event: string; message: string; [field: string]: unknown }>

/** A migration as its `up` reads, such as `await query('SELECT 1')`, and what else its file exports. */
export const up = (body: string, more = ''): string => `${more}
export const up = async ({ context }) => {
  const { sequelize } = context
  const query = (sql, options) => sequelize.query(sql, options)
  ${body}
}
`

/** A folder of migrations, 0001-a and so on; each has a path of its own, since Node loads a path once. */
export const makeFolder = (t: Pick<Test, 'teardown'>, ...bodies: readonly string[]): string => {
  const folder = mkdtempSync(join(tmpdir(), 'migrations-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  for (const [index, body] of bodies.entries()) {
    const name = `${String(index + 1).padStart(4, '0')}-${String.fromCharCode(97 + index)}.js`
    writeFileSync(join(folder, name), body.includes('export') ? body : up(body))
  }
  return folder
}

/** What a command gets, with a server. */
export const makeServerContext = async (
  url: string,
  folder: string,
  settings: Readonly<Record<string, string>> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<Context & { readonly events: Event[] }> => {
  const events: Event[] = []
  const note = (event: string, message: string, data?: object) => void events.push({ event, message, ...data })
  const log = {
    debug: () => undefined,
    info: note,
    warn: note,
    error: note,
    terminal: false,
    draw: () => undefined,
  } as Log
  const config = await readConfig({
    environment: { DATABASE_URL: url, MIGRATOR_MIGRATIONS: folder, MIGRATOR_LOCK_TIMEOUT: '20', ...settings },
    workingFolder: root,
    root,
  })
  if (config.server === undefined) throw new Error(`${url} is not of a server`)
  return {
    ...{ config, log, signal, events },
    engine: createPostgres({ config, log, signal }, config.server),
    host: { container: false, mounts: [], uid: undefined, gid: undefined },
    print: () => undefined,
    screen: pipe,
    ask: async () => undefined,
    command: [process.execPath, ''],
    nameProcess: () => undefined,
    version: '1.0.0',
  }
}

/** Runs a command by its words, and tells what came of it. */
export const runCommand = async (
  url: string,
  words: string,
  folder = firstThree,
  settings: Readonly<Record<string, string>> = {},
): Promise<
  Readonly<{ exitCode: number; failure: unknown; error: unknown; stdout: string; events: readonly Event[] }>
> => {
  const printed: string[] = []
  const print = (text: string) => void printed.push(text)
  const context = { ...(await makeServerContext(url, folder, settings)), print }
  const outcome = await attemptAsync(() => cli(words.split(' '), '1.0.0', { print, screen: pipe }, async () => context))
  const error = 'error' in outcome ? outcome.error : undefined
  const exitCode = 'value' in outcome ? outcome.value : error instanceof Failure ? error.exitCode : 1
  const failure = error instanceof Failure ? error.code : undefined
  return { exitCode, failure, error, stdout: printed.join(''), events: context.events }
}

/** Runs `up`, and tells what came of it. */
export const runUp = async (
  url: string,
  folder: string,
  settings: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Readonly<{ error: unknown; events: readonly Event[]; has: (event: string) => boolean }>> => {
  const context = await makeServerContext(url, folder, settings, signal)
  const outcome = await attemptAsync(() => upOnServer(context, undefined))
  const { events } = context
  const has = (name: string) => events.some(({ event }) => event === name)
  return { error: 'error' in outcome ? outcome.error : undefined, events, has }
}

/** Waits until `isSo`, at most for half a minute. */
export const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 600; tries += 1) {
    if (await isSo()) return
    await setTimeout(50)
  }
  throw new Error('it never came')
}
