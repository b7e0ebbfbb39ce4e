import { copyFileSync, existsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { attempt, type Outcome } from '../attempt.ts'
import { makeTemporaryFolder } from '../temporary-folder.ts'
import { journalMode } from './header.ts'
import { hasLeftovers } from './leftovers.ts'
import { type Connection, openForReading } from './open.ts'
import { sqliteCode } from './sqlite-failure.ts'

/**
 * Lets `work` read an existing database and leaves no trace: no file is made or written, no writer is held up. On a
 * read-only mount too, and after a writer that was killed. `work` may be called again, so it must only read.
 *
 * SQLite makes a -shm file to read a database in WAL mode, and leaves it. So where nobody has one open the file is read
 * as it lies (`immutable=1`, https://www.sqlite.org/uri.html), and when somebody came meanwhile it is read again. What a
 * killed writer left is put together on a copy in a temporary folder. Where it left its -shm too SQLite makes that anew, as whoever
 * opens the database next does: it is the index of the WAL, and nothing is lost by it.
 * @throws what `work` throws; SQLite's own errors
 */
export const look = <T>(path: string, work: (connection: Connection) => T): T => {
  if (isStill(path)) {
    if (hasLeftovers(path)) return lookAtCopy(path, work)
    const before = mark(path)
    const outcome = attempt(() => withConnection(openStill(path), work))
    if (mark(path) === before) return resultOf(outcome)
  }
  const outcome = attempt(() => withConnection(openForReading(path), work))
  if ('error' in outcome && needsWriting(outcome.error)) return lookAtCopy(path, work)
  return resultOf(outcome)
}

/** In WAL mode, and nobody has it open. */
export const isStill = (path: string): boolean => journalMode(path) === 'wal' && !existsSync(`${path}-shm`)

/** Opens a file that nobody writes as it lies. */
export const openStill = (path: string): Connection =>
  new Database(`${pathToFileURL(path)}?mode=ro&immutable=1`, { readonly: true })

const lookAtCopy = <T>(path: string, work: (connection: Connection) => T): T => {
  const folder = makeTemporaryFolder()
  try {
    const copy = join(folder.path, basename(path))
    copyFiles(path, copy)
    return withConnection(new Database(copy), work)
  } finally {
    folder.remove()
  }
}

/** Copies a database with what a killed writer left beside it: whoever opens the copy puts it together. */
export const copyFiles = (path: string, copy: string): void => {
  for (const suffix of ['', '-wal', '-journal'].filter(suffix => existsSync(path + suffix)))
    copyFileSync(path + suffix, copy + suffix)
}

const withConnection = <T>(connection: Connection, work: (connection: Connection) => T): T => {
  try {
    // so that all it reads is of one moment; closing ends it, where a COMMIT would fail once damage was met
    connection.exec('BEGIN')
    return work(connection)
  } finally {
    connection.close()
  }
}

/** Changes as soon as anybody opens the database to read or write it. */
export const mark = (path: string): string => {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true })
  return `${ino} ${size} ${mtimeNs} ${existsSync(`${path}-shm`)}`
}

/** What a killed writer left can only be read once it is rolled back or its index made anew. */
export const needsWriting = (error: unknown): boolean =>
  /^SQLITE_(?:READONLY_|CANTOPEN)/.test(String(sqliteCode(error)))

const resultOf = <T>(outcome: Outcome<T>): T => {
  if ('error' in outcome) throw outcome.error
  return outcome.value
}
