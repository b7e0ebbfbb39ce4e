import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileFailure } from './file-failure.ts'
import { replaceFile } from './replace-file.ts'

/**
 * Tries out on a folder what a run needs of it: write, fsync, rename, fsync of the folder, delete. Permissions alone do not tell
 * of a quota, a failing disk, or a filesystem that lacks one of them. Called under the write lock, or on a folder of this run's
 * own: the name is fixed, so that a killed run leaves one file, which the next one takes away.
 * @throws Failure DISK_FULL, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE, FILESYSTEM_UNSUITABLE
 */
export const probeFolder = (folder: string): void => {
  const probe = join(folder, '.migrator-probe')
  try {
    replaceFile(probe, 'made to see whether this folder can be written; it may be removed\n')
    rmSync(probe)
  } catch (error) {
    rmSync(probe, { force: true })
    throw fileFailure(error)
  }
}
