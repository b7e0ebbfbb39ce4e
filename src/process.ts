import { Failure, type FailureCode } from './failure.ts'

type Owned = Pick<NodeJS.Process, 'exit' | 'removeAllListeners' | 'stderr' | 'stdout'>

/**
 * Keeps standard output and the exit from migrations, which run in this process. Standard output is data: what they
 * print goes to standard error. `process.exit(0)` would report success in the middle of a transaction: it throws, and
 * fails the migration. Node's warnings do not get into the log.
 * @returns the real exit and standard output, for the program itself
 */
export const keepProcess = (program: Owned): Readonly<{ exit: Owned['exit']; stdout: () => Owned['stdout'] }> => {
  program.removeAllListeners('warning')
  const exit = program.exit.bind(program)
  // a getter that opens the stream on first read, which takes 2 ms: kept here without calling it
  const { get } = Object.getOwnPropertyDescriptor(program, 'stdout') as { get: () => Owned['stdout'] }
  Object.defineProperty(program, 'stdout', { get: () => program.stderr, configurable: true })
  program.exit = code => {
    throw new Error(`it called exit(${code ?? ''}): a migration ends by returning, or fails by throwing`)
  }
  return { exit, stdout: get.bind(program) }
}

/**
 * Listens for SIGINT and SIGTERM, which the first process of a container receives only through handlers. Also for what a
 * migration may cause: an event loop that runs dry, an unhandled rejection, an exception in a callback.
 * @returns the signal that these abort; made when it is asked for, since loading AbortController takes 2 % of a run with
 *   nothing to do
 */
export const listenForStop = (program: Pick<NodeJS.Process, 'on' | 'once'>): (() => AbortSignal) => {
  let controller: AbortController | undefined
  let stopped: { readonly reason: unknown } | undefined
  const stop = (reason: unknown): void => {
    stopped ??= { reason }
    controller?.abort(stopped.reason)
  }
  const stopBy = (code: FailureCode & NodeJS.Signals) =>
    program.once(code, () => stop(new Failure(code, `stopped by ${code}; nothing was changed`, '')))
  stopBy('SIGINT')
  stopBy('SIGTERM')
  program.once('beforeExit', () => stop(new Error('it never settles: nothing is left to wait for')))
  program.on('unhandledRejection', stop)
  program.on('uncaughtException', stop)
  return () => {
    controller ??= new AbortController()
    if (stopped !== undefined) controller.abort(stopped.reason)
    return controller.signal
  }
}

type Terminal = Pick<NodeJS.Process, 'stdin' | 'stderr' | 'pid' | 'kill'>

/**
 * Asks the person at the terminal a question.
 * @returns the answer; an empty text when they leave (Ctrl-D)
 * @throws the signal's reason when it is aborted, as by Ctrl-C
 */
export const ask = async (question: string, terminal: Terminal, signal: AbortSignal): Promise<string> => {
  // loaded only when there is a question to ask
  const { createInterface } = process.getBuiltinModule('node:readline/promises')
  const lines = createInterface({ input: terminal.stdin, output: terminal.stderr })
  // the terminal is in raw mode meanwhile, where Ctrl-C sends no signal
  lines.once('SIGINT', () => terminal.kill(terminal.pid, 'SIGINT'))
  const left = new Promise<string>(resolve => lines.once('close', () => resolve('')))
  const answer = await Promise.race([lines.question(question, { signal }).catch(() => ''), left])
  lines.close()
  signal.throwIfAborted()
  return answer
}
