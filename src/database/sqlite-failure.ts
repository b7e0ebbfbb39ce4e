import { errorCode } from '../error-code.ts'
import { Failure } from '../failure.ts'

/** SQLite's extended result code (`SQLITE_BUSY_SNAPSHOT`) of an error or of what caused it; Sequelize wraps them. */
export const sqliteCode = (error: unknown): string | undefined => sqliteError(error)?.code

const sqliteError = (error: unknown): Readonly<{ code: string; message: string }> | undefined => {
  if (!(error instanceof Error)) return undefined
  const code = errorCode(error)
  if (typeof code === 'string' && code.startsWith('SQLITE_')) return { code, message: error.message }
  return sqliteError(error.cause ?? ('parent' in error ? error.parent : undefined))
}

/** Whether another connection holds a lock that this one needs. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(String(sqliteCode(error)))

/**
 * The Failure that an error of SQLite means for the database at `path`; any other error is given back as it came.
 * Result codes: https://www.sqlite.org/rescode.html
 */
export const toFailure = (error: unknown, path: string): unknown => {
  const found = sqliteError(error)
  if (error instanceof Failure || found === undefined) return error
  const { code, message: reason } = found
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    const hint = 'Restore a backup, or move the file away to start anew. It was not touched.'
    return new Failure('DATABASE_DAMAGED', `${path} is not a sound SQLite database: ${reason}`, hint, error)
  }
  if (/^SQLITE_(FULL|IOERR_WRITE|IOERR_FSYNC)$/.test(code)) {
    const hint = 'Free some space on the volume, then start again. Nothing was changed.'
    return new Failure('DISK_FULL', `the disk under ${path} is full or failing: ${reason}`, hint, error)
  }
  if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/.test(code)) {
    const hint = 'Check who owns the file and its -wal, -shm and -journal, and that the mount is writable.'
    return new Failure('VOLUME_NOT_WRITABLE', `${path} cannot be opened for writing: ${reason}`, hint, error)
  }
  if (isBusy(error)) {
    const hint = 'Stop the other program that has the database open, or raise MIGRATOR_LOCK_TIMEOUT.'
    return new Failure('DATABASE_BUSY', `${path} is held by another writer`, hint, error)
  }
  return error
}
