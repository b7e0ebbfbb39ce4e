import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt } from './attempt.ts'
import { Failure } from './failure.ts'
import { formatBytes } from './for-people.ts'
import { freeBytes } from './free-bytes.ts'

/** The system's temporary folder (TMPDIR); where that is read-only, as in a hardened container, the shared memory that each has. */
const usual = (): readonly string[] => (tmpdir() === '/tmp' ? ['/tmp', '/dev/shm'] : [tmpdir()])

/**
 * Makes a folder in the first of some places that lets it. Whoever makes it calls `remove` in every path.
 * @throws Failure CONFIG_INVALID when there is no place for one
 */
export const makeTemporaryFolder = (places = usual()): Readonly<{ path: string; remove: () => void }> => {
  for (const place of places) {
    const made = attempt(() => mkdtempSync(join(place, 'migrator-')))
    if ('value' in made) return { path: made.value, remove: () => rmSync(made.value, { recursive: true, force: true }) }
  }
  const hint = 'Mount one ("--tmpfs /tmp" for docker run), or name another with TMPDIR.'
  throw new Failure('CONFIG_INVALID', `the temporary folder ${places[0]} cannot be written`, hint)
}

/** @throws Failure DISK_FULL when a folder's filesystem has less room than that many bytes */
export const refuseLittleRoom = (folder: string, bytes: number): void => {
  const free = freeBytes(folder)
  if (free >= bytes) return
  const message = `the temporary folder ${folder} has room for ${formatBytes(free)}, and a copy of the database may need ${formatBytes(bytes)}`
  throw new Failure('DISK_FULL', message, moreRoom)
}

export const moreRoom = 'Name a folder with more room by TMPDIR. The volume was not touched.'
