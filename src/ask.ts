import { createInterface } from 'node:readline/promises'

type Terminal = Pick<NodeJS.Process, 'stdin' | 'stderr' | 'pid' | 'kill'>

/**
 * Asks the person at the terminal a question.
 * @returns the answer; an empty text when they leave (Ctrl-D)
 * @throws the signal's reason when it is aborted, as by Ctrl-C
 */
export const ask = async (question: string, terminal: Terminal, signal: AbortSignal): Promise<string> => {
  const lines = createInterface({ input: terminal.stdin, output: terminal.stderr })
  // the terminal is in raw mode meanwhile, and makes no signal of Ctrl-C
  lines.once('SIGINT', () => terminal.kill(terminal.pid, 'SIGINT'))
  const left = new Promise<string>(resolve => lines.once('close', () => resolve('')))
  const answer = await Promise.race([lines.question(question, { signal }).catch(() => ''), left])
  lines.close()
  signal.throwIfAborted()
  return answer
}
