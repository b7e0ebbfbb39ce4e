import { type Connection, refuseReplaced } from './open.ts'
import { type Patience, whenFree } from './wait.ts'

/**
 * Runs `work` inside one BEGIN IMMEDIATE: the lock between processes (the kernel frees it on kill -9), and the undo.
 * Foreign keys are off meanwhile: DROP TABLE would otherwise delete child rows, and inside a transaction PRAGMA
 * foreign_keys is a no-op (https://www.sqlite.org/pragma.html#pragma_foreign_keys).
 * @param work gets the COMMIT, for what has to be undone where that fails; otherwise it comes after it
 * @throws what `work` throws, after ROLLBACK; SQLITE_BUSY after the timeout; Failure DATABASE_BUSY when the file was removed or
 *   replaced under its name meanwhile
 */
export const withTransaction = async <T>(
  connection: Connection,
  patience: Patience,
  work: (commit: () => Promise<void>) => Promise<T>,
): Promise<T> => {
  let isCommitted = false
  const commit = async (): Promise<void> => {
    // a reader in rollback-journal mode may hold it up
    await whenFree(() => connection.exec('COMMIT'), patience)
    isCommitted = true
  }
  connection.pragma('foreign_keys = OFF')
  try {
    await whenFree(() => connection.exec('BEGIN IMMEDIATE'), patience)
    refuseReplaced(connection)
    const result = await work(commit)
    if (!isCommitted) await commit()
    return result
  } finally {
    // not after COMMIT, nor where SQLite rolled back by itself (a full disk)
    if (connection.inTransaction) connection.exec('ROLLBACK')
    connection.pragma('foreign_keys = ON')
  }
}
