import { join } from 'node:path'
import { up } from './commands/up.ts'
import { commandOf, type Environment, readConfig, toLogFormat } from './config.ts'
import type { Context } from './context.ts'
import { errorCode, Failure } from './failure.ts'
import { fstatSync } from './fs.ts'
import { createLog, createPaint, type Log, type Screen, type Style, secondLine, uncoloured, writeText } from './log.ts'
import { contextOf, explain, hostOf, readMounts, readVersion, root } from './surroundings.ts'
import { becomeOwner, type Identity } from './volume/owner.ts'
import { followLink, sortsOnVolume } from './volume/volume.ts'

/** Asked for here and not imported: an import reads every export of it, some of which load a dozen modules of Node. */
const util = () => process.getBuiltinModule('node:util')

/** The process that the program runs in, as far as it knows one: main.ts passes the real one. */
export type Process = Readonly<{
  environment: Environment
  workingFolder: string
  /** Node and the entry file, which start a helper process */
  command: readonly [string, string]
  /** file descriptors */
  stdin: number
  stdout: number
  stderr: number
  /** of the terminal at a descriptor; 0 or undefined if it is unset */
  columns: (descriptor: number) => number | undefined
  identity: Identity
  /** listens for what must end the run early, and gives the signal that is aborted then; called before the run touches anything */
  listenForStop: () => () => AbortSignal
  /** asks the person at the terminal */
  ask: (question: string, signal: AbortSignal) => Promise<string>
  /** sets the title that the list of processes shows */
  nameProcess: (title: string) => void
  /** whether it runs this program and nothing else */
  isAlone: boolean
  /** where SQLite puts the temporary files of every database that this process opens from now on */
  sortIn: (folder: string) => void
}>

/** Reads the process's surroundings, runs the command, and reports the outcome in one line and the exit code. */
export const runProgram = async (words: readonly string[], own: Process): Promise<number> => {
  const { environment, stdin, stdout, stderr } = own
  const screen = screenOf(stdout, own)
  const print = (text: string) => write(stdout, screen.show(text))
  const logScreen = screenOf(stderr, own)
  let log = createLog(toLogFormat(environment.MIGRATOR_LOG_FORMAT), 'info', stderr, logScreen, commandOf(environment))
  let context: Context | undefined
  try {
    const createContext = async (given: Environment): Promise<Context> => {
      const { command, identity, isAlone, nameProcess } = own
      const config = followLink(await readConfig({ ...own, environment: { ...environment, ...given }, root }))
      const { server } = config
      log = createLog(config.logFormat, config.logLevel, stderr, logScreen, config.command)
      if (server === undefined && sortsOnVolume(environment, config.volume)) own.sortIn(config.volume)
      const mounts = readMounts()
      if (server === undefined)
        becomeOwner(config.volume, [command[0], join(root, 'package.json'), import.meta.dirname], identity)
      const host = hostOf(environment, mounts, identity)
      const stopSignal = own.listenForStop()
      const isAskable = logScreen.terminal && isTerminal(stdin)
      const ask = isAskable ? (question: string) => own.ask(question, stopSignal()) : undefined
      context = await contextOf({
        ...{ config, log, host, command, print, screen, ask, nameProcess, isAlone },
        get signal() {
          return stopSignal()
        },
      })
      return context
    }
    // containers run `up` alone, which needs no command line library
    if (words.length === 0 || (words.length === 1 && words[0] === 'up')) {
      await up(await createContext({}), undefined)
      return 0
    }
    return await (await import('./cli.ts')).cli(words, readVersion(), { print, screen }, createContext)
  } catch (error) {
    return report(await explain(error, context), log)
  }
}

/** Checks the file type first: node:tty takes 2 ms to load, and a container's standard error is a pipe. */
const isTerminal = (descriptor: number): boolean =>
  fstatSync(descriptor).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(descriptor)

/** Colours on terminals only, unless NO_COLOR (https://no-color.org) or TERM=dumb (as in Emacs) is set. */
const screenOf = (descriptor: number, { environment, columns }: Process): Screen => {
  const { NO_COLOR, TERM } = environment
  const terminal = isTerminal(descriptor)
  const coloured = terminal && !NO_COLOR && TERM !== 'dumb'
  const colour = (style: Style, text: string) => util().styleText(style, text, { validateStream: false })
  return {
    ...createPaint(coloured ? colour : uncoloured),
    terminal,
    // a getter, since windows are resized
    get columns() {
      return (terminal && columns(descriptor)) || Number.POSITIVE_INFINITY
    },
  }
}

const write = (stdout: number, text: string): void => {
  try {
    writeText(stdout, text)
  } catch (cause) {
    const code = errorCode(cause)
    const hint = 'Redirect it elsewhere. Nothing was changed.'
    if (code === 'ENOSPC') throw new Failure('DISK_FULL', 'the disk that standard output goes to is full', hint, cause)
    throw new Failure('CONFIG_INVALID', `standard output cannot be written (${code})`, hint, cause)
  }
}

/** Two lines for a Failure, one without a hint, where a person stopped it; a stack only for an unexpected error. */
const report = (error: unknown, log: Log): number => {
  if (error instanceof Failure) {
    const { cause, code, exitCode, hint, message } = error
    if (cause !== undefined) log.debug('failed.stack', util().inspect(cause), { stack: util().inspect(cause) })
    log.error('failed', hint ? `${message} (${code})${secondLine}${hint}` : message, { code, exitCode })
    return exitCode
  }
  log.error('failed', `a bug in the migrator: ${util().inspect(error)}`, { code: 'BUG', exitCode: 1 })
  return 1
}
