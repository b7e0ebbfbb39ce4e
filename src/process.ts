type Owned = Pick<NodeJS.Process, 'exit' | 'stderr' | 'stdout'>

/**
 * Migrations run in this process, and could take two things from it. Standard output, which is data: what they print goes to
 * standard error from now on. And the end: `process.exit(0)` would say that all went well, in the middle of a transaction. It
 * throws there instead, as whatever else fails in a migration does.
 * @returns what only the program itself may use: its end, and the standard output that the process was started with
 */
export const keepProcess = (program: Owned): Readonly<{ exit: Owned['exit']; stdout: () => Owned['stdout'] }> => {
  const exit = program.exit.bind(program)
  // a property that opens the stream when it is first read, which takes 2 ms: as long as nobody does, nothing is opened
  const { get } = Object.getOwnPropertyDescriptor(program, 'stdout') as { get: () => Owned['stdout'] }
  Object.defineProperty(program, 'stdout', { get: () => program.stderr, configurable: true })
  program.exit = code => {
    throw new Error(`it called exit(${code ?? ''}): a migration ends by returning, or fails by throwing`)
  }
  return { exit, stdout: get.bind(program) }
}

type Terminal = Pick<NodeJS.Process, 'stdin' | 'stderr' | 'pid' | 'kill'>

/**
 * Asks the person at the terminal a question.
 * @returns the answer; an empty text when they leave (Ctrl-D)
 * @throws the signal's reason when it is aborted, as by Ctrl-C
 */
export const ask = async (question: string, terminal: Terminal, signal: AbortSignal): Promise<string> => {
  // only a person at a terminal pays for loading it
  const { createInterface } = process.getBuiltinModule('node:readline/promises')
  const lines = createInterface({ input: terminal.stdin, output: terminal.stderr })
  // the terminal is in raw mode meanwhile, and makes no signal of Ctrl-C
  lines.once('SIGINT', () => terminal.kill(terminal.pid, 'SIGINT'))
  const left = new Promise<string>(resolve => lines.once('close', () => resolve('')))
  const answer = await Promise.race([lines.question(question, { signal }).catch(() => ''), left])
  lines.close()
  signal.throwIfAborted()
  return answer
}
