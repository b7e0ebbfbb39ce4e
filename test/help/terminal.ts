import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { entry } from './program.ts'

/** For tap's `skip`: why nothing can be asked at a terminal here. */
export const noTerminal = !existsSync('/usr/bin/script') && 'there is no script(1) to make a terminal with'

/**
 * Runs the real program on a terminal of its own, and types `keys`, or what they are by then, once it has printed `prompt`.
 * @returns what stood on the terminal at the end, both streams, and the exit code
 */
export const runOnTerminal = (
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  prompt: RegExp,
  keys: string | (() => Promise<string>),
): Promise<Readonly<{ exitCode: number | null; screen: string }>> => {
  const command = [process.execPath, entry, ...words].map(word => `'${word}'`).join(' ')
  const child = spawn('/usr/bin/script', ['-qec', command, '/dev/null'], { env: { ...process.env, ...environment } })
  let screen = ''
  let typed = false
  child.stdout.setEncoding('utf8').on('data', text => {
    screen += text
    if (typed || !prompt.test(screen)) return
    typed = true
    Promise.resolve(typeof keys === 'string' ? keys : keys()).then(text => child.stdin.write(text))
  })
  return new Promise(resolve => {
    child.once('close', exitCode => resolve({ exitCode, screen: screen.replaceAll('\r\n', '\n') }))
  })
}
