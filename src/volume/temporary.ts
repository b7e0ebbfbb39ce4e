import { accessSync, constants, statSync } from 'node:fs'
import { attempt } from '../attempt.ts'
import type { Environment } from '../config.ts'
import { freeBytes } from '../free-bytes.ts'

/** Where SQLite looks for a place for its temporary files, https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations */
const usual = ['/var/tmp', '/usr/tmp', '/tmp']

/**
 * Whether SQLite's temporary files, what it sorts and cannot hold in memory, have their best place on the volume. On a read-only
 * root there is no other, and a large CREATE INDEX would fail in the middle (SQLITE_IOERR_GETTEMPPATH); a small /tmp would fill.
 * A folder that SQLITE_TMPDIR names is somebody's decision.
 */
export const sortsOnVolume = ({ SQLITE_TMPDIR, TMPDIR }: Environment, volume: string, others = usual): boolean => {
  const folder = [SQLITE_TMPDIR, TMPDIR, ...others].find(isWritable)
  return folder === undefined || (folder !== SQLITE_TMPDIR && roomIn(folder) < roomIn(volume))
}

const isWritable = (folder: string | undefined): folder is string =>
  folder !== undefined &&
  statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true &&
  'value' in attempt(() => accessSync(folder, constants.W_OK | constants.X_OK))

/** Bytes that are free there; none where there is no such folder, which checkVolume tells. */
const roomIn = (folder: string): number => {
  const room = attempt(() => freeBytes(folder))
  return 'value' in room ? room.value : 0
}
