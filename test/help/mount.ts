import { execFileSync } from 'node:child_process'

/** Mounts something on a folder while the work is done. Needs root. `words` as in mount(8). */
export const withMount = async (point: string, words: readonly string[], work: () => unknown): Promise<void> => {
  execFileSync('mount', [...words, point])
  try {
    await work()
  } finally {
    execFileSync('umount', [point])
  }
}
