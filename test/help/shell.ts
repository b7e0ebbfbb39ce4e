import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { root } from './program.ts'

type Settings = Readonly<Record<string, string | undefined>>

/** Runs work with a folder for PATH in which `migrator` is the program of a checkout, and `node` the Node that it needs. */
const withProgram = <T>(checkout: string, work: (path: string) => T): T => {
  const folder = mkdtempSync(join(tmpdir(), 'bin-'))
  try {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${join(checkout, 'bin/migrator.js')}' "$@"\n`
    writeFileSync(join(folder, 'migrator'), script, { mode: 0o755 })
    return work([folder, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const run = (command: string, words: readonly string[], settings: Settings, checkout: string) =>
  withProgram(checkout, PATH => {
    // what tap tells its own tests of colours is nothing for the program
    const plain = { NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: 'xterm-256color' }
    const env = { ...process.env, ...plain, ...settings, PATH }
    const { status, stdout, stderr } = spawnSync(command, words, { cwd: checkout, env, encoding: 'utf8' })
    return { exitCode: status, stdout, stderr }
  })

// bash reads its startup file where it takes a socket as standard input for a login from elsewhere
const strict = ['--norc', '-euo', 'pipefail', '-c']

/** Runs lines as a person types them, `migrator status | head -1`, in bash, up to the first that fails; in a pipe any program counts. */
export const inShell = (lines: string, settings: Settings) => run('bash', [...strict, lines], settings, root)

const script = '/usr/bin/script'
/** For tap's `skip`: why there is no terminal here. */
export const noTerminal = !existsSync(script) && 'there is no script(1) to make a terminal with'

/** The same on a pseudo-terminal of so many columns, to which both outputs go. */
export const onTerminal = (lines: string, settings: Settings, { columns = 100, checkout = root } = {}) => {
  const typed = `stty cols ${columns}\n${lines}`
  const bash = `exec bash ${strict.join(' ')} "$TYPED"`
  const { exitCode, stdout } = run(
    script,
    ['-qec', bash, '/dev/null'],
    { ...settings, MIGRATOR_LOG_FORMAT: 'text', TYPED: typed },
    checkout,
  )
  return { exitCode, output: stdout.replaceAll('\r\n', '\n') }
}
