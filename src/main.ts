import { fstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect, styleText } from 'node:util'
import { up } from './commands/up.ts'
import { type Environment, readConfig, toLogFormat } from './config.ts'
import type { Context } from './context.ts'
import { errorCode, Failure, type FailureCode, isFailure } from './failure.ts'
import { createLog, createPaint, type Log, type Screen, type Style, writeText } from './log.ts'
import { ask as askPerson, keepProcess } from './process.ts'
import { createSqlite } from './sqlite/sqlite.ts'
import { fileFailure } from './volume/errors.ts'
import { parseMounts } from './volume/mounts.ts'
import { becomeOwner } from './volume/owner.ts'
import { followLink, isContainer, sortsOnVolume } from './volume/volume.ts'

const [stdin, stdout, stderr] = [0, 1, 2] as const
const root = join(import.meta.dirname, '..')
const own = keepProcess(process)

/** Reads the process's surroundings, runs the command, and reports the outcome in one line and the exit code. */
const main = async (words: readonly string[], environment: Environment): Promise<number> => {
  // lets sqlite/read-only.ts open files with `immutable=1`; better-sqlite3 reads this when the first database is opened
  process.env.SQLITE_USE_URI = '1'
  const screen = screenOf(stdout, environment)
  const print = (text: string) => write(screen.show(text))
  const logScreen = screenOf(stderr, environment)
  const { terminal } = logScreen
  let log = createLog(toLogFormat(environment.MIGRATOR_LOG_FORMAT, terminal), 'info', stderr, logScreen)
  let context: Context | undefined
  try {
    const createContext = async (): Promise<Context> => {
      const config = followLink(await readConfig({ environment, workingFolder: process.cwd(), root, terminal }))
      const { server } = config
      log = createLog(config.logFormat, config.logLevel, stderr, logScreen)
      // SQLite reads this when the first database is opened
      if (server === undefined && sortsOnVolume(environment, config.volume)) process.env.SQLITE_TMPDIR = config.volume
      const mounts = parseMounts(readMountinfo())
      const container = isContainer('/', environment, mounts)
      if (server === undefined)
        becomeOwner(config.volume, [process.execPath, join(root, 'package.json'), import.meta.dirname], process)
      const host = { container, mounts, uid: process.getuid?.(), gid: process.getgid?.() }
      const command = [process.execPath, String(process.argv[1])] as const
      const signal = stopSignal()
      const ask = async (question: string) =>
        isTerminal(stdin) && terminal ? askPerson(question, process, signal) : undefined
      const nameProcess = (title: string) => Object.assign(process, { title })
      const surroundings = { config, log, host, signal, command }
      const engine =
        server === undefined
          ? createSqlite(surroundings)
          : (await import('./postgres/postgres.ts')).createPostgres(surroundings, server)
      context = { ...surroundings, engine, print, screen, ask, nameProcess, version: readVersion() }
      return context
    }
    // containers run `up` alone, which needs no command line library
    if (words.length === 0 || (words.length === 1 && words[0] === 'up')) {
      await up(await createContext(), undefined)
      return 0
    }
    return await (await import('./cli.ts')).cli(words, readVersion(), { print, screen }, createContext)
  } catch (error) {
    return report(await explain(error, context), log)
  }
}

/** Maps an error to its Failure; for a damaged database, adds the backup that would repair it. */
const explain = async (error: unknown, context: Context | undefined): Promise<unknown> => {
  if (context === undefined) return fileFailure(error)
  const failure = context.engine.explain(error)
  if (!isFailure(failure, 'DATABASE_DAMAGED')) return failure
  return (await import('./commands/restore.ts')).explainDamage(failure, context)
}

/** Checks the file type first: node:tty takes 2 ms to load, and a container's standard error is a pipe. */
const isTerminal = (descriptor: number): boolean =>
  fstatSync(descriptor).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(descriptor)

/** Colours on terminals only, unless NO_COLOR (https://no-color.org) or TERM=dumb (as in Emacs) is set. */
const screenOf = (descriptor: typeof stdout | typeof stderr, { NO_COLOR, TERM }: Environment): Screen => {
  const terminal = isTerminal(descriptor)
  const coloured = terminal && !NO_COLOR && TERM !== 'dumb'
  const style = (style: Style, text: string) => (coloured ? styleText(style, text, { validateStream: false }) : text)
  return {
    ...createPaint(style),
    terminal,
    // a getter, since windows are resized; 0 if the size is unset
    get columns() {
      return (terminal && (descriptor === stdout ? own.stdout() : process.stderr).columns) || Number.POSITIVE_INFINITY
    },
  }
}

const write = (text: string): void => {
  try {
    writeText(stdout, text)
  } catch (cause) {
    const code = errorCode(cause)
    const hint = 'Send it elsewhere. The volume was not changed by it.'
    if (code === 'ENOSPC') throw new Failure('DISK_FULL', 'the disk that standard output goes to is full', hint, cause)
    throw new Failure('CONFIG_INVALID', `standard output cannot be written (${code})`, hint, cause)
  }
}

/** One line for a Failure; a stack only for an unexpected error. */
const report = (error: unknown, log: Log): number => {
  if (error instanceof Failure) {
    const { code, exitCode, hint, message } = error
    log.error('failed', `${message} (${code}). ${hint}`, { code, exitCode })
    return exitCode
  }
  log.error('failed', `a bug in the migrator: ${inspect(error)}`, { code: 'BUG', exitCode: 1 })
  return 1
}

const readVersion = (): string => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version

/** Only Linux has this file; elsewhere there are no containers to detect. */
const readMountinfo = (): string => {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8')
  } catch {
    return ''
  }
}

/**
 * Aborted by SIGINT or SIGTERM, which the first process of a container receives only through handlers. Also by what a
 * migration may cause: an event loop that runs dry, an unhandled rejection, an exception in a callback.
 */
const stopSignal = (): AbortSignal => {
  const controller = new AbortController()
  const stop = (code: FailureCode & NodeJS.Signals) =>
    process.once(code, () => controller.abort(new Failure(code, `stopped by ${code}`, 'Nothing was changed.')))
  stop('SIGINT')
  stop('SIGTERM')
  process.once('beforeExit', () =>
    controller.abort(new Error('it never settles: nothing is left that it could wait for')),
  )
  process.on('unhandledRejection', reason => controller.abort(reason))
  process.on('uncaughtException', reason => controller.abort(reason))
  return controller.signal
}

// exit with 1 unless main() finishes: an event loop that runs dry is not success
const endUnknown = () => {
  process.exitCode = 1
}
process.once('exit', endUnknown)
main(process.argv.slice(2), process.env).then(exitCode => {
  process.off('exit', endUnknown)
  // does not wait for what a stopped migration left pending, such as a timer
  own.exit(exitCode)
})
