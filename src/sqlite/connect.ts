import { statSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { attempt, attemptAsync, Failure } from '../failure.ts'
import { sizeOf } from '../volume/files.ts'
import { isBusy } from './errors.ts'
import { refuseNoFile } from './file.ts'

export type Connection = Database.Database

/** Milliseconds that SQLite itself may block on a lock; short, so that signals are still heard between two tries. */
const busyTimeout = 250

/** The file that each connection of openDatabase has, whatever is under its name by now. */
const files = new WeakMap<Connection, number>()

/**
 * Opens the database file read-write: only so can SQLite roll back what a killed writer left (a hot journal).
 * A file that is not there is made, empty.
 * @throws Failure CONFIG_INVALID when no file is in its place, DATABASE_BUSY when it is replaced just now; SQLite's own errors
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
 * Whoever waited for a lock may hold a file that was removed or replaced under its name meanwhile.
 * @throws Failure DATABASE_BUSY when the file at its path is not the one that a connection of openDatabase has
 */
export const refuseReplaced = (connection: Connection): void => {
  const file = files.get(connection)
  if (file !== undefined && fileAt(connection.name) !== file) throw replaced(connection.name)
}

/** Opens an existing database file read-write and makes none. Throws as openDatabase does. */
export const openExisting = (path: string): Connection => {
  refuseNoFile(path)
  return new Database(path, { fileMustExist: true })
}

/** Opens an existing database file without the right to write. Throws as openDatabase does. */
export const openForReading = (path: string): Connection => {
  refuseNoFile(path)
  return new Database(path, { readonly: true, timeout: busyTimeout })
}

/**
 * Closes a connection, unless damage was found and there is a WAL: when the last one is closed SQLite puts that into the file,
 * and a damaged file is left as it is. This process ends then, and the kernel closes it.
 */
export const closeUnlessDamaged = (connection: Connection, error: unknown): void => {
  const isDamaged = error instanceof Failure && error.code === 'DATABASE_DAMAGED'
  if (!isDamaged || sizeOf(`${connection.name}-wal`) === 0) connection.close()
}

const fileAt = (path: string): number | undefined => statSync(path, { throwIfNoEntry: false })?.ino

const replaced = (path: string): Failure =>
  new Failure('DATABASE_BUSY', `${path} was replaced by another program just now`, 'Start again.')

/**
 * Runs `work` inside one BEGIN IMMEDIATE: the lock between processes (the kernel frees it on kill -9), and the undo.
 * Foreign keys are off meanwhile: DROP TABLE would otherwise delete child rows, and inside a transaction PRAGMA
 * foreign_keys is a no-op (https://www.sqlite.org/pragma.html#pragma_foreign_keys).
 * What is committed survives a power cut.
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
  // COMMIT returns when it is on disk; better-sqlite3's default in WAL mode is NORMAL, which may lose it in a power cut
  // (https://www.sqlite.org/pragma.html#pragma_synchronous). It reads the schema, so another writer may hold it up
  await whenFree(() => connection.pragma('synchronous = EXTRA'), patience)
  try {
    await whenFree(() => connection.exec('BEGIN IMMEDIATE'), patience)
    refuseReplaced(connection)
    const result = await work(commit)
    if (!isCommitted) await commit()
    return result
  } finally {
    // not after COMMIT, nor where SQLite rolled back by itself (a full disk); on a disk that fails the first error is the one to tell
    if (connection.inTransaction) attempt(() => connection.exec('ROLLBACK'))
    detachAll(connection)
    connection.pragma('foreign_keys = ON')
  }
}

/** What `work` attached; inside the transaction that cannot be undone, and the next BEGIN IMMEDIATE would lock it too. */
const detachAll = (connection: Connection): void => {
  const others = connection.prepare<[], string>('SELECT name FROM pragma_database_list WHERE seq > 1').pluck().all()
  for (const name of others) connection.exec(`DETACH "${name}"`)
}

/** How to wait for another writer. */
export type Patience = Readonly<{
  /** seconds */
  lockTimeout: number
  /** aborted by a signal; its reason is thrown */
  signal: AbortSignal
  /** called once, when it is clear that there will be a wait */
  onWait: () => void
}>

/**
 * Runs `work` again and again while SQLite says that another connection holds the lock, up to the timeout.
 * @throws what `work` throws: SQLITE_BUSY once the timeout is over; the signal's reason when it is aborted
 */
export const whenFree = async <T>(
  work: () => T | Promise<T>,
  { lockTimeout, signal, onWait }: Patience,
): Promise<T> => {
  signal.throwIfAborted()
  const first = await attemptAsync(work)
  if ('value' in first) return first.value
  if (!isBusy(first.error)) throw first.error
  if (lockTimeout > 0) onWait()
  // the clock is asked only here: loading it is a good part of a run with nothing to do
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
