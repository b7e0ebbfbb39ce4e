import Database from 'better-sqlite3'
import { attempt, attemptAsync, Failure, isFailure } from '../failure.ts'
import { statSync } from '../fs.ts'
import { sizeOf } from '../volume/files.ts'
import { isBusy } from './errors.ts'
import { refuseNoFile } from './file.ts'

export type Connection = Database.Database

/** Milliseconds that SQLite itself may block on a lock; short, so that signals are handled between two tries. */
const busyTimeout = 250

/** The inode that each connection of openDatabase has open; its path may name another file by now. */
const files = new WeakMap<Connection, number>()

/**
 * Opens a database read-write, because SQLite must write to roll back a hot journal. Creates a missing file, empty.
 * @throws Failure CONFIG_INVALID if the path is not a regular file, DATABASE_BUSY if it is being replaced; SQLite's own errors
 */
export const openDatabase = (path: string): Connection => {
  refuseNoFile(path)
  const before = fileAt(path)
  const connection = new Database(path, { timeout: busyTimeout })
  const file = fileAt(path)
  if (file === undefined || (before !== undefined && before !== file)) {
    connection.close()
    throw replaced(path)
  }
  files.set(connection, file)
  return connection
}

/**
 * After a wait for the lock, the open file may have been removed or replaced at its path.
 * @throws Failure DATABASE_BUSY if the file at the path is not the one that a connection of openDatabase has open
 */
export const refuseReplaced = (connection: Connection): void => {
  const file = files.get(connection)
  if (file !== undefined && fileAt(connection.name) !== file) throw replaced(connection.name)
}

/** Opens an existing database read-write. @throws Failure CONFIG_INVALID if it is not a regular file; SQLite's own errors */
export const openExisting = (path: string): Connection => {
  refuseNoFile(path)
  return new Database(path, { fileMustExist: true })
}

/** Opens an existing database read-only. @throws Failure CONFIG_INVALID if it is not a regular file; SQLite's own errors */
export const openForReading = (path: string): Connection => {
  refuseNoFile(path)
  return new Database(path, { readonly: true, timeout: busyTimeout })
}

/**
 * Closes a connection, unless damage was found and there is a WAL: closing the last connection checkpoints, and a damaged file
 * must stay as it is. The process ends soon, and the kernel closes it.
 */
export const closeUnlessDamaged = (connection: Connection, error: unknown): void => {
  if (!isFailure(error, 'DATABASE_DAMAGED') || sizeOf(`${connection.name}-wal`) === 0) connection.close()
}

const fileAt = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino

const replaced = (path: string): Failure =>
  new Failure('DATABASE_BUSY', `another program replaced ${path} just now`, 'Try again.')

/**
 * Runs `work` inside one BEGIN IMMEDIATE: the lock between processes (the kernel frees it on kill -9), and the undo.
 * Foreign keys are off meanwhile: DROP TABLE would otherwise delete child rows, and inside a transaction PRAGMA
 * foreign_keys is a no-op (https://www.sqlite.org/pragma.html#pragma_foreign_keys).
 * What is committed survives a power cut.
 * @param work may call `commit` itself, to undo something if the commit fails; otherwise this commits when it returns
 * @throws what `work` throws, after ROLLBACK; SQLITE_BUSY after the timeout; Failure DATABASE_BUSY if the file was removed or
 *   replaced at its path meanwhile
 */
export const withTransaction = async <T>(
  connection: Connection,
  patience: Patience,
  work: (commit: () => Promise<void>) => Promise<T>,
): Promise<T> => {
  let isCommitted = false
  const commit = async (): Promise<void> => {
    patience.signal.throwIfAborted()
    // in rollback-journal mode a reader may block it
    await whenFree(() => connection.exec('COMMIT'), patience)
    isCommitted = true
  }
  patience.signal.throwIfAborted()
  connection.pragma('foreign_keys = OFF')
  // COMMIT must return only when it is on disk; better-sqlite3's default in WAL mode, NORMAL, may lose it in a power cut
  // (https://www.sqlite.org/pragma.html#pragma_synchronous). The PRAGMA reads the schema, so another writer may block it
  await whenFree(() => connection.pragma('synchronous = EXTRA'), patience)
  try {
    await whenFree(() => connection.exec('BEGIN IMMEDIATE'), patience)
    refuseReplaced(connection)
    const result = await work(commit)
    if (!isCommitted) await commit()
    return result
  } finally {
    // not after COMMIT, nor if SQLite itself rolled back (a full disk); on a failing disk the first error must be the one thrown
    if (connection.inTransaction) attempt(() => connection.exec('ROLLBACK'))
    detachAll(connection)
    connection.pragma('foreign_keys = ON')
  }
}

/** Detaches what `work` attached: impossible inside the transaction, and the next BEGIN IMMEDIATE would lock it too. */
const detachAll = (connection: Connection): void => {
  const others = connection.prepare<[], string>('SELECT name FROM pragma_database_list WHERE seq > 1').pluck().all()
  for (const name of others) connection.exec(`DETACH "${name}"`)
}

/** How to wait for another writer. */
export type Patience = Readonly<{
  /** seconds */
  lockTimeout: number
  /** aborts the wait; its reason is thrown */
  signal: AbortSignal
  /** called once, before a wait */
  onWait: () => void
}>

/**
 * Retries `work` while another connection holds the lock, up to the timeout.
 * @throws what `work` throws: SQLITE_BUSY after the timeout; the signal's reason if it is aborted
 */
export const whenFree = async <T>(work: () => T | Promise<T>, patience: Patience): Promise<T> => {
  const first = await attemptAsync(work)
  if ('value' in first) return first.value
  if (!isBusy(first.error)) throw first.error
  const { lockTimeout, signal, onWait } = patience
  if (lockTimeout > 0) onWait()
  // the clock and timers only from here: loading them is a good part of a run with nothing to do
  const { setTimeout } = process.getBuiltinModule('node:timers/promises')
  const deadline = performance.now() + lockTimeout * 1000
  while (performance.now() < deadline) {
    await setTimeout(20)
    signal.throwIfAborted()
    const outcome = await attemptAsync(work)
    if ('value' in outcome) return outcome.value
    if (!isBusy(outcome.error)) throw outcome.error
  }
  throw first.error
}
