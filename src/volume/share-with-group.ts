import { chmodSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt } from '../attempt.ts'

/**
 * A folder that its group may write is for several users, and so is a new database in it: SQLite makes files that their owner
 * alone may write (and gives -wal, -shm and -journal the mode of the database). Some filesystems have no modes to change.
 */
export const shareWithGroup = (file: string): void => {
  const groupMayWrite = 0o020
  if ((statSync(dirname(file)).mode & groupMayWrite) !== 0)
    attempt(() => chmodSync(file, statSync(file).mode | groupMayWrite))
}
