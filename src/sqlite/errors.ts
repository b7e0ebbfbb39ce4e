import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt, errorCode, Failure } from '../failure.ts'
import { fileFailure, hints } from '../volume/errors.ts'
import { freeBytes } from '../volume/files.ts'

/** What SQLite says: its extended result code (`SQLITE_BUSY_SNAPSHOT`), and a sentence. */
type SqliteError = Readonly<{ code: string; message: string }>

/** SQLite's extended result code (`SQLITE_BUSY_SNAPSHOT`) of an error or of what caused it; Sequelize wraps them. */
export const sqliteCode = (error: unknown): string | undefined => sqliteError(error)?.code

/** SQLite's error in an error or in what caused it; undefined when it is none of SQLite's. */
export const sqliteError = (error: unknown): SqliteError | undefined => {
  if (!(error instanceof Error)) return undefined
  const code = errorCode(error)
  if (typeof code === 'string' && code.startsWith('SQLITE_')) return { code, message: error.message }
  return sqliteError(error.cause ?? ('parent' in error ? error.parent : undefined))
}

/** Whether another connection holds a lock that this one needs. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(String(sqliteCode(error)))

/**
 * The Failure that an error of SQLite or of the filesystem means for the database at `path`; any other error is given back as it
 * came. Result codes: https://www.sqlite.org/rescode.html
 */
export const toFailure = (error: unknown, path: string): unknown => {
  if (error instanceof Failure) return error
  const found = sqliteError(error)
  if (found === undefined) return fileFailure(error)
  const { code, message: reason } = found
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return new Failure('DATABASE_DAMAGED', `${path} is not a sound SQLite database: ${reason}`, leftAsItIs, error)
  }
  if (isUnknownHere(found)) {
    const hint = 'Keep what needs it in a database of its own: it cannot be migrated here.'
    return new Failure('CONFIG_INVALID', `${path} has something that only its hub can read: ${reason}`, hint, error)
  }
  // all SQL that is not a migration's is this program's own, and right for every sound database
  if (/^SQLITE_ERROR/.test(code)) {
    return new Failure('DATABASE_DAMAGED', `${path} cannot be read: ${reason}`, leftAsItIs, error)
  }
  if (/^SQLITE_(FULL|IOERR_(?:WRITE|FSYNC|DIR_FSYNC|SHMSIZE))$/.test(code) || (isRefused(code) && isFull(path))) {
    return new Failure('DISK_FULL', `the disk under ${path} is full or failing: ${reason}`, hints.DISK_FULL, error)
  }
  if (/^SQLITE_(IOERR_(?:LOCK|RDLOCK|CHECKRESERVEDLOCK|UNLOCK|SHM\w+)|PROTOCOL)$/.test(code)) {
    const what = `the filesystem under ${path} does not keep SQLite's locks: ${reason} (${code})`
    return new Failure('FILESYSTEM_UNSUITABLE', what, hints.FILESYSTEM_UNSUITABLE, error)
  }
  if (isRefused(code)) {
    const hint = 'Check who owns the file and its -wal, -shm and -journal, and that the mount is writable.'
    return new Failure('VOLUME_NOT_WRITABLE', `${path} cannot be opened for writing: ${reason}`, hint, error)
  }
  if (isBusy(error)) {
    const hint = 'Stop the other program that has the database open, or raise MIGRATOR_LOCK_TIMEOUT.'
    return new Failure('DATABASE_BUSY', `${path} is held by another writer`, hint, error)
  }
  return error
}

/** What a hint for a damaged database begins with; main.ts adds which backup would mend it. */
export const leftAsItIs = 'It is left as it is.'

/** What reading gives; nothing where it fails for want of a collation or a module that only the hub brings along. */
export const unlessUnknownHere = <T>(read: () => T): readonly T[] => {
  const outcome = attempt(read)
  if ('value' in outcome) return [outcome.value]
  if (isUnknownHere(sqliteError(outcome.error))) return []
  throw outcome.error
}

const isUnknownHere = (said: SqliteError | undefined): boolean =>
  said !== undefined && /^no such (?:collation sequence|module)\b/.test(said.message)

const isRefused = (code: string): boolean => /^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/.test(code)

/** A journal that cannot be made is SQLITE_CANTOPEN, whether it is for want of rights or of an inode. */
const isFull = (path: string): boolean => {
  const folder = dirname(path)
  const room = attempt(() => ({ ...statfsSync(folder), free: freeBytes(folder) }))
  return 'value' in room && (room.value.free === 0 || (room.value.files > 0 && room.value.ffree === 0))
}
