import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from './failure.ts'
import { formatBytes } from './for-people.ts'

/**
 * Makes a folder in the system's temporary one (TMPDIR). Whoever makes it calls `remove` in every path.
 * @throws Failure CONFIG_INVALID when there is no place for one, as in a container with a read-only root
 */
export const makeTemporaryFolder = (): Readonly<{ path: string; remove: () => void }> => {
  try {
    const path = mkdtempSync(join(tmpdir(), 'migrator-'))
    return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
  } catch (cause) {
    const hint = 'Mount one ("--tmpfs /tmp" for docker run), or name another with TMPDIR.'
    throw new Failure('CONFIG_INVALID', `the temporary folder ${tmpdir()} cannot be written`, hint, cause)
  }
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
