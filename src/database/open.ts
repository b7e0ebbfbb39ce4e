import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { Failure } from '../failure.ts'
import { sizeOf } from '../size-of.ts'
import { refuseNoFile } from './header.ts'

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
