import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt } from './attempt.ts'
import { Failure } from './failure.ts'
import { formatBytes } from './for-people.ts'

/**
 * Makes a folder in the system's temporary one (TMPDIR), or where that is read-only, as in a hardened container, in the shared
 * memory that every container has. Whoever makes it calls `remove` in every path.
 * @throws Failure CONFIG_INVALID when there is no place for one
 */
export const makeTemporaryFolder = (): Readonly<{ path: string; remove: () => void }> => {
  const place = tmpdir()
  const made = attempt(() => mkdtempSync(join(place, 'migrator-')))
  const path = 'value' in made ? made.value : place === '/tmp' ? inSharedMemory() : undefined
  if (path !== undefined) return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
  const hint = 'Mount one ("--tmpfs /tmp" for docker run), or name another with TMPDIR.'
  throw new Failure('CONFIG_INVALID', `the temporary folder ${place} cannot be written`, hint)
}

const inSharedMemory = (): string | undefined => {
  const made = attempt(() => mkdtempSync('/dev/shm/migrator-'))
  return 'value' in made ? made.value : undefined
}

/** @throws Failure DISK_FULL when a folder's filesystem has less room than that many bytes */
export const refuseLittleRoom = (folder: string, bytes: number): void => {
  const { bavail, bsize } = statfsSync(folder)
  const free = bavail * bsize
  if (free >= bytes) return
  const message = `the temporary folder ${folder} has room for ${formatBytes(free)}, and a copy of the database may need ${formatBytes(bytes)}`
  throw new Failure('DISK_FULL', message, moreRoom)
}

export const moreRoom = 'Name a folder with more room by TMPDIR. The volume was not touched.'
