import { AsyncLocalStorage } from 'node:async_hooks'
import { basename, join } from 'node:path'
import { type Config, type SettingName, type settings, toConfig } from '../config.ts'
import type { Context } from '../context.ts'
import { attempt, attemptAsync, Failure } from '../failure.ts'
import { realpathSync } from '../fs.ts'
import { createPaint, type EventName, type Events, type Log, type LogLevel, type Screen, uncoloured } from '../log.ts'
import { shareNoMore } from '../modules.ts'
import { contextOf, explain, hostOf, readMounts, root } from '../surroundings.ts'
import { followLink } from '../volume/volume.ts'
import { inTurn } from './turns.ts'

/** Those that an option of its own gives, or that say how the log is written. */
type OtherSetting = 'DATABASE_URL' | 'MIGRATOR_MIGRATIONS' | 'MIGRATOR_LOG_FORMAT' | 'MIGRATOR_LOG_LEVEL'
type ValueOf<Row> = Row extends { words: readonly (infer Word)[] }
  ? Word
  : Row extends { unit: string }
    ? number
    : string

/** The settings that the environment gives to the program, by their names. */
export type Settings = {
  readonly [Name in Exclude<SettingName, OtherSetting>]?: ValueOf<(typeof settings)[Name]> | undefined
}

/** An event of the log, as a line of JSON has it: docs/logging.md. */
export type LogEvent = {
  [Name in EventName]: Readonly<{ time: string; level: Events[Name]['level']; event: Name; message: string }> &
    Readonly<Record<Events[Name]['fields'][number], unknown>>
}[EventName]

export type Options = Readonly<{
  /** as DATABASE_URL, such as `sqlite:data/homelab.db`; a path that is not absolute starts at the working folder */
  databaseUrl: string
  /** the folder of migrations; the package's own if left out */
  migrations?: string | undefined
  /** every other setting; neither the environment nor a file `.env` is read */
  settings?: Settings | undefined
  /** gets every event of the log, those of level debug, too; what it throws is thrown outside of the run */
  onEvent?: ((event: LogEvent) => void) | undefined
  /** stops the run, which is then rolled back */
  signal?: AbortSignal | undefined
}>

/** Runs that are under way in this process. */
let running = 0

/**
 * Runs a command in this process, and leaves nothing of it there: no listener, no changed function, no environment.
 * @returns the events of its log
 */
export const run = async (
  options: Options,
  access: 'reads' | 'writes',
  work: (context: Context) => Promise<void>,
): Promise<readonly LogEvent[]> => {
  const { signal } = options
  signal?.throwIfAborted()
  const controller = new AbortController()
  // a listener is the caller's code, whatever calls it
  const asCaller = AsyncLocalStorage.snapshot()
  const stopped = new Failure('SIGINT', 'stopped by its caller; nothing was changed', '')
  const stop = (): void => controller.abort(stopped)
  signal?.addEventListener('abort', stop)
  // a migration that never settles is failed in the end, and not cut off by a process with nothing else to wait for
  const alive = setInterval(nothing, longest)
  running += 1
  const events: LogEvent[] = []
  let context: Context | undefined
  const done = await attemptAsync(async () => {
    const config = await readOptions(options)
    const log = logTo(event => {
      if (event.level !== 'debug') events.push(event)
      if (options.onEvent !== undefined) asCaller(tell, options.onEvent, event)
    })
    const made = await contextOf({ ...unattended, config, log, host: hostNow(), signal: controller.signal })
    context = made
    if (access === 'reads') await work(made)
    else await inTurn(placeOf(config), controller.signal, () => work(made))
  })
  running -= 1
  if (running === 0) shareNoMore()
  clearInterval(alive)
  signal?.removeEventListener('abort', stop)
  if ('value' in done) return events
  const failure = await explain(done.error, context)
  throw failure === stopped ? signal?.reason : failure
}

/** Milliseconds: the most that a timer takes. */
const longest = 2 ** 31 - 1

const readOptions = async ({ databaseUrl, migrations, settings }: Options): Promise<Config> => {
  const given = { ...settings, DATABASE_URL: databaseUrl, MIGRATOR_MIGRATIONS: migrations }
  const environment = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  )
  if (!environment.DATABASE_URL?.trim())
    throw new Failure(
      'CONFIG_INVALID',
      'databaseUrl is missing',
      'Write it as in DATABASE_URL: `sqlite:data/homelab.db`.',
    )
  return followLink(await toConfig({ environment, workingFolder: process.cwd(), root }))
}

/** The user stays as it is, root as well: a process of its own may become the owner of the volume. */
const hostNow = () => hostOf(process.env, readMounts(), process)

const logTo = (take: (event: LogEvent) => void): Log => {
  const line =
    (level: LogLevel) =>
    (event: EventName, message: string, data?: object): void =>
      take({ time: new Date().toISOString(), level, event, message, ...data } as LogEvent)
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    terminal: false,
    draw: nothing,
  }
}

/** A run is the same whatever its listener does; what that throws is as uncaught as in any other callback. */
const tell = (onEvent: (event: LogEvent) => void, event: LogEvent): void => {
  const told = attempt(() => onEvent(event))
  if ('error' in told)
    process.nextTick(() => {
      throw told.error
    })
}

const screen: Screen = { ...createPaint(uncoloured), terminal: false, columns: Number.POSITIVE_INFINITY }
const nothing = () => undefined

/** What the program has of its terminal and process: here there is none. */
const unattended = {
  command: [process.execPath, join(root, 'bin/migrator.js')],
  screen,
  print: nothing,
  ask: undefined,
  nameProcess: nothing,
} as const

/** One text for a file, however its folder is named, and for a database of a server. */
const placeOf = ({ database, volume, server }: Config): string => {
  if (server !== undefined) return server.shown
  const folder = attempt(() => realpathSync(volume))
  return 'value' in folder ? join(folder.value, basename(database)) : database
}
