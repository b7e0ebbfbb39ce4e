import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { root } from './program.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Runs Node on its own: tap gives processes that a test starts modules of its own, except by way of env. */
export const runAlone = (env: Environment, ...words: readonly string[]) => {
  const pairs = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return spawnSync('/usr/bin/env', ['-i', ...pairs, process.execPath, ...words], { encoding: 'utf8' })
}

/**
 * What a program that ends well has loaded.
 * @param folder that files are named from
 * @returns its files, `node:` modules that it asked for among them, and all modules of Node that were loaded for it
 */
export const loadedBy = (env: Environment, folder: string, program: string) => {
  const { status, stdout, stderr } = runAlone(env, '--require', `${root}/test/help/print-loaded.cjs`, program)
  if (status !== 0) throw new Error(`it exited ${status}: ${stderr}`)
  const { files, builtins } = JSON.parse(stdout) as Readonly<Record<'files' | 'builtins', readonly string[]>>
  return {
    files: files.map(file => (file.startsWith('file:') ? relative(folder, fileURLToPath(file)) : file)),
    builtins,
  }
}
