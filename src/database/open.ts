import Database from 'better-sqlite3'
import { refuseNoFile } from './header.ts'

export type Connection = Database.Database

/** Milliseconds that SQLite itself may block on a lock; short, so that signals are still heard between two tries. */
const busyTimeout = 250

/**
 * Opens the database file read-write: only so can SQLite roll back what a killed writer left (a hot journal).
 * A file that is not there is made, empty.
 * @throws Failure CONFIG_INVALID when a folder is in its place; SQLite's own errors
 */
export const openDatabase = (path: string): Connection => {
  refuseNoFile(path)
  return new Database(path, { timeout: busyTimeout })
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
