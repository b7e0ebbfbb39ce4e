import { accessSync, constants, statSync } from 'node:fs'
import { attempt } from '../attempt.ts'
import type { Environment } from '../config.ts'

/** Where SQLite looks for a place for its temporary files, https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations */
const usual = ['/var/tmp', '/usr/tmp', '/tmp']

/**
 * Whether SQLite finds a folder for what it sorts and cannot hold in memory. On a read-only root there is none, and a large
 * CREATE INDEX would fail in the middle (SQLITE_IOERR_GETTEMPPATH).
 */
export const hasTemporaryFolder = ({ SQLITE_TMPDIR, TMPDIR }: Environment, others = usual): boolean =>
  [SQLITE_TMPDIR, TMPDIR, ...others].some(folder => folder !== undefined && isWritable(folder))

const isWritable = (folder: string): boolean =>
  statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true &&
  'value' in attempt(() => accessSync(folder, constants.W_OK | constants.X_OK))
