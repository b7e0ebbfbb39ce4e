import { spawnSync } from 'node:child_process'
import { entry, measured } from './program.ts'

/**
 * The real program where other things are mounted, which only it sees. Needs root.
 * @param mounts lines of a shell, each ending in `&&`
 * @param words for Node before the program, and for the program after it
 */
export const inNamespace = (
  mounts: string,
  settings: Readonly<Record<string, string | undefined>>,
  words: Readonly<{ node?: readonly string[]; program?: readonly string[] }>,
) => {
  const command = [process.execPath, ...(words.node ?? []), entry, ...(words.program ?? [])]
  const pairs = Object.entries({ PATH: process.env.PATH, ...measured, ...settings }).map(pair => pair.join('='))
  const inside = ['/usr/bin/env', '-i', ...pairs, '/bin/sh', '-c', `${mounts} exec "$@"`, 'sh', ...command]
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', ...inside], { encoding: 'utf8' })
  return { exitCode: status, stdout, stderr }
}
