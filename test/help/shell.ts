import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { root } from './program.ts'

type Settings = Readonly<Record<string, string | undefined>>

/** Runs work with a folder for PATH in which `migrator` is the real program, and `node` the Node that it needs. */
const withProgram = <T>(work: (path: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'bin-'))
  try {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'bin/migrator.js')}' "$@"\n`
    writeFileSync(join(folder, 'migrator'), script, { mode: 0o755 })
    return work([folder, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const run = (command: string, words: readonly string[], settings: Settings, folder: string) =>
  withProgram(PATH => {
    // what tap tells its own tests of colours is nothing for the program
    const plain = { NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: 'xterm-256color' }
    const env = { ...process.env, ...plain, ...settings, PATH }
    const { status, stdout, stderr } = spawnSync(command, words, { cwd: folder, env, encoding: 'utf8' })
    return { exitCode: status, stdout, stderr }
  })

/** Runs a line as a person types it, `migrator status | head -1`, in bash; the first program of a pipe that fails counts. */
export const inShell = (line: string, settings: Settings, folder = root) =>
  run('bash', ['-euo', 'pipefail', '-c', line], settings, folder)

const script = '/usr/bin/script'
/** For tap's `skip`: why there is no terminal here. */
export const noTerminal = !existsSync(script) && 'there is no script(1) to make a terminal with'

/** The same on a pseudo-terminal of so many columns, to which both outputs go. */
export const onTerminal = (line: string, settings: Settings, columns = 100) => {
  const { exitCode, stdout } = run(script, ['-qec', `stty cols ${columns}; ${line}`, '/dev/null'], settings, root)
  return { exitCode, output: stdout.replaceAll('\r\n', '\n') }
}
