import { dirname } from 'node:path'
import { attempt, errorCode, Failure } from '../failure.ts'
import { accessSync, closeSync, constants, openSync, statfsSync } from '../fs.ts'
import { fileFailure, type Meaning, meanings } from '../volume/errors.ts'
import { freeBytes, removeFile } from '../volume/files.ts'

/** An error of SQLite: its extended result code (`SQLITE_BUSY_SNAPSHOT`) and message. */
type SqliteError = Readonly<{ code: string; message: string }>

/** SQLite's extended result code (`SQLITE_BUSY_SNAPSHOT`) of an error or its cause; Sequelize wraps SQLite's errors. */
export const sqliteCode = (error: unknown): string | undefined => sqliteError(error)?.code

/** SQLite's error in an error or its cause; undefined if it is not from SQLite. */
export const sqliteError = (error: unknown): SqliteError | undefined => {
  if (!(error instanceof Error)) return undefined
  // prefer the cause: Sequelize and the bridge have only primary codes
  const inner = sqliteError(error.cause ?? ('parent' in error ? error.parent : undefined))
  const code = errorCode(error)
  if (inner !== undefined || typeof code !== 'string' || !code.startsWith('SQLITE_')) return inner
  return { code, message: error.message }
}

/** Whether another connection holds a lock that this one needs. */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(String(sqliteCode(error)))

/**
 * Whether an error is about the disk, the file or its locks, not the statement. Excludes CORRUPT_VTAB, a virtual table's own bad
 * index, and LOCKED, a conflict between two statements of one connection.
 */
export const isOfEngine = (error: unknown): boolean =>
  /^SQLITE_(?:FULL|IOERR|CORRUPT(?!_VTAB)|NOTADB|NOMEM|CANTOPEN|READONLY|BUSY|PROTOCOL)/.test(String(sqliteCode(error)))

/**
 * Turns an error of SQLite or the filesystem into a Failure about the database at `path`; returns any other error unchanged.
 * Result codes: https://www.sqlite.org/rescode.html
 */
export const toFailure = (error: unknown, path: string): unknown => {
  if (error instanceof Failure) return error
  const found = sqliteError(error)
  if (found === undefined)
    return isNoFolder(error) ? told('gone', path, 'its folder cannot be reached', error) : fileFailure(error)
  const { code, message: reason } = found
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return new Failure('DATABASE_DAMAGED', `${path} is damaged: ${reason}`, leftAsItIs, error)
  }
  if (isUnknownHere(found)) {
    const hint = 'Move what needs it into a database of its own; it cannot be migrated here.'
    return new Failure('CONFIG_INVALID', `${path} uses something that only the hub can read: ${reason}`, hint, error)
  }
  // the SQL here is this program's own, not a migration's, and valid on every sound database
  if (/^SQLITE_ERROR/.test(code)) {
    return new Failure('DATABASE_DAMAGED', `${path} cannot be read: ${reason}`, leftAsItIs, error)
  }
  const meaning = meaningOfCode(code)
  if (meaning === undefined) return error
  if (meaning === 'busy') {
    const hint = 'Stop the other program that writes to the database, or raise MIGRATOR_LOCK_TIMEOUT.'
    return new Failure('DATABASE_BUSY', `another program holds the write lock of ${path}`, hint, error)
  }
  if (meaning === 'temporary') {
    const what = `SQLite has no folder for its temporary files: ${reason}`
    const hint = 'Mount one (`--tmpfs /tmp` for docker run), or set SQLITE_TMPDIR to another.'
    return new Failure('CONFIG_INVALID', what, hint, error)
  }
  const said = `${reason} (${code})`
  return (mayBeKernel.test(code) ? askKernel(path, said, error) : undefined) ?? told(meaning, path, said, error)
}

/** SQLite hides the errno behind these codes; if the problem persists, the folder shows it. */
const mayBeKernel = /^SQLITE_(?:CANTOPEN|READONLY|IOERR|PERM)/

/** Probes the folder, never the file: closing the file would drop this process's locks on it (fcntl(2)). */
const askKernel = (path: string, said: string, cause: unknown): unknown => {
  const folder = dirname(path)
  const isFull = attempt(() => {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    closeSync(openSync(folder, 'r'))
    // a journal that cannot be created is SQLITE_CANTOPEN, both without rights and without a free inode
    const { files, ffree } = statfsSync(folder)
    return freeBytes(folder) === 0 || (files > 0 && ffree === 0) || takesNoFile(path)
  })
  if ('value' in isFull) return isFull.value ? told('full', path, said, cause) : undefined
  return errorCode(isFull.error) === 'ENOENT' ? told('gone', path, said, cause) : fileFailure(isFull.error)
}

/** Some filesystems, such as mergerfs, refuse new files while they still report free space. */
const takesNoFile = (path: string): boolean => {
  const probe = `${path}.migrator-probe`
  const made = attempt(() => closeSync(openSync(probe, 'wx')))
  if ('error' in made) return /^(?:ENOSPC|EDQUOT)$/.test(String(errorCode(made.error)))
  attempt(() => removeFile(probe))
  return false
}

const told = (meaning: Meaning, path: string, said: string, cause: unknown): Failure => {
  const { code, hint } = meanings[meaning]
  const ofFile = 'Check who owns the file and its -wal, -shm and -journal, and that the mount is writable.'
  const message = `${sentences[meaning].replace('*', () => path)}: ${said}`
  return new Failure(code, message, meaning === 'rights' ? ofFile : hint, cause)
}

const sentences: Readonly<Record<Meaning, string>> = {
  full: 'the disk under * is full',
  tooLarge: '* became too large',
  failing: 'the disk under * is failing',
  readOnly: '* cannot be written',
  rights: '* cannot be opened for writing',
  gone: 'the filesystem of * is gone',
  changed: 'another program changed * just now',
  inTheWay: '* cannot be opened',
  limits: 'a limit of this machine or container was reached while working on *',
  unsuitable: "the filesystem of * does not support SQLite's locks or shared memory",
}

/**
 * SQLite's result codes other than damage (https://www.sqlite.org/rescode.html); an extended code that is missing here counts
 * as its primary code. 'statement' is a mistake in the SQL.
 */
const codes: Readonly<Record<Meaning | 'busy' | 'temporary' | 'statement', string>> = {
  full: 'FULL IOERR_SHMSIZE',
  tooLarge: 'TOOBIG NOLFS',
  failing: 'IOERR',
  readOnly: '',
  rights: 'PERM AUTH READONLY CANTOPEN',
  gone: '',
  changed: 'SCHEMA INTERRUPT READONLY_DBMOVED IOERR_DELETE_NOENT IOERR_VNODE',
  inTheWay: 'CANTOPEN_ISDIR CANTOPEN_SYMLINK',
  limits: 'NOMEM IOERR_NOMEM',
  unsuitable:
    'PROTOCOL IOERR_LOCK IOERR_RDLOCK IOERR_UNLOCK IOERR_CHECKRESERVEDLOCK IOERR_BLOCKED IOERR_SHMOPEN IOERR_SHMLOCK IOERR_SHMMAP',
  busy: 'BUSY LOCKED',
  temporary: 'IOERR_GETTEMPPATH CANTOPEN_NOTEMPDIR',
  statement: 'ABORT CONSTRAINT MISMATCH RANGE MISUSE INTERNAL NOTFOUND EMPTY FORMAT',
}

type CodeMeaning = Meaning | 'busy' | 'temporary'

const meaningOfCode = (code: string): CodeMeaning | undefined => {
  const [, primary = ''] = code.split('_')
  for (const name of [code.replace('SQLITE_', ''), primary])
    for (const [meaning, names] of Object.entries(codes) as [keyof typeof codes, string][])
      if (names.split(' ').includes(name)) return meaning === 'statement' ? undefined : meaning
  return undefined
}

/** better-sqlite3 throws this, without a code, for any reason it cannot reach the folder. */
const isNoFolder = (error: unknown): boolean =>
  error instanceof Error && error.message === 'Cannot open database because the directory does not exist'

/** The first sentence of a hint for a damaged database; program.ts adds the backup to restore. */
export const leftAsItIs = 'The database was left as it is.'

/** Whether the schema keeps SQLite from running a statement, such as by a function that only the hub has: no sign of damage. */
export const isLogicError = (error: unknown): boolean => /^SQLITE_ERROR/.test(String(sqliteCode(error)))

/** The result of `read` in a list; empty if it needs something that only the hub has. @throws all other errors */
export const unlessUnknownHere = <T>(read: () => T): readonly T[] => {
  const outcome = attempt(read)
  if ('value' in outcome) return [outcome.value]
  if (isLogicError(outcome.error)) return []
  throw outcome.error
}

/** Whether SQLite lacks something that the hub loads: a collation, a function, or the module or tokenizer of a virtual table. */
const isUnknownHere = ({ message }: SqliteError): boolean =>
  /\b(?:no such|unknown) (?:collation sequence|module|function|tokenizer)\b/.test(message)
