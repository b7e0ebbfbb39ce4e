import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { Failure } from '../failure.ts'

export type Connection = Database.Database

/** Milliseconds that SQLite itself may block on a lock; short, so that signals are still heard between two tries. */
const busyTimeout = 250

/**
 * Opens the database file read-write: only so can SQLite roll back what a killed writer left (a hot journal).
 * A file that is not there is made, empty.
 * @throws Failure CONFIG_INVALID when a folder is in its place; SQLite's own errors
 */
export const openDatabase = (path: string): Connection => {
  refuseFolder(path)
  return new Database(path, { timeout: busyTimeout })
}

/** Opens an existing database file read-write and makes none. Throws as openDatabase does. */
export const openExisting = (path: string): Connection => {
  refuseFolder(path)
  return new Database(path, { fileMustExist: true })
}

/** Opens an existing database file without the right to write. Throws as openDatabase does. */
export const openForReading = (path: string): Connection => {
  refuseFolder(path)
  return new Database(path, { readonly: true, timeout: busyTimeout })
}

/** @throws Failure CONFIG_INVALID when a folder is in the place of the database */
export const refuseFolder = (path: string): void => {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  const hint = 'Name a file with DATABASE_URL. A volume is mounted on the folder above it, not on the file.'
  throw new Failure('CONFIG_INVALID', `the database path ${path} is a folder`, hint)
}
