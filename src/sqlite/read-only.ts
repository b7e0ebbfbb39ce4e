import { copyFileSync, existsSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { attempt, attemptAsync, errorCode, Failure, type Outcome } from '../failure.ts'
import { removeFile } from '../volume/files.ts'
import { makeTemporaryFolder, moreSpace, requireTemporarySpace } from '../volume/folders.ts'
import { type Connection, openForReading, type Patience, whenFree } from './connect.ts'
import { sqliteCode, toFailure } from './errors.ts'
import { hasLeftovers, journalMode, journals, sizeWithJournals } from './file.ts'
import { patienceOf, type Surroundings } from './sqlite.ts'

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
export const readOnly = async <T>(path: string, work: (connection: Connection) => Promise<T>): Promise<T> => {
  if (isQuiescent(path)) {
    if (hasLeftovers(path)) return readCopy(path, work)
    const before = fileStamp(path)
    const outcome = await attemptAsync(() => withConnection(openImmutable(path), work))
    if (fileStamp(path) === before) return resultOf(outcome)
  }
  const outcome = await attemptAsync(() => withConnection(openForReading(path), work))
  if ('error' in outcome && needsWriting(outcome.error)) return readCopy(path, work)
  return resultOf(outcome)
}

/** In WAL mode, and nobody has it open. */
export const isQuiescent = (path: string): boolean => journalMode(path) === 'wal' && !existsSync(`${path}-shm`)

/** Opens a file that nobody writes as it lies. */
export const openImmutable = (path: string): Connection =>
  new Database(`${pathToFileURL(path)}?mode=ro&immutable=1`, { readonly: true })

const readCopy = async <T>(path: string, work: (connection: Connection) => Promise<T>): Promise<T> => {
  const folder = makeTemporaryFolder()
  try {
    const copy = join(folder.path, basename(path))
    copyFiles(path, copy)
    return await withConnection(new Database(copy), work)
  } finally {
    folder.remove()
  }
}

/** How often files are copied that a hub at work deletes meanwhile. */
const tries = 5

/** Copies a database with what a killed writer left beside it: whoever opens the copy puts it together. */
export const copyFiles = (path: string, copy: string): void => {
  const files = ['', ...journals]
  for (let left = tries; ; left -= 1) {
    const outcome = attempt(() => {
      for (const suffix of files.filter(suffix => existsSync(path + suffix))) copyFileSync(path + suffix, copy + suffix)
    })
    if ('value' in outcome) return
    for (const suffix of files) removeFile(copy + suffix)
    if (errorCode(outcome.error) !== 'ENOENT' || left === 1) throw outcome.error
  }
}

const withConnection = async <T>(connection: Connection, work: (connection: Connection) => Promise<T>): Promise<T> => {
  try {
    // so that all it reads is of one moment; closing ends it, where a COMMIT would fail once damage was met
    connection.exec('BEGIN')
    return await work(connection)
  } finally {
    connection.close()
  }
}

/** Changes as soon as anybody opens the database to read or write it. */
export const fileStamp = (path: string): string => {
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

/** Pages that are copied before a signal is heard and other work gets its turn. */
const pagesAtOnce = 2000

/**
 * Copies the last committed content of a database, page by page, into a file that is not there yet. Leaves no trace beside
 * the original, as `readOnly` does and for the same reasons, and holds up no writer in WAL mode. The copy has its journal mode.
 * @throws what stops the wait for a writer; SQLite's own errors (SQLITE_FULL)
 */
export const copyWithoutTrace = async (path: string, copy: string, patience: Patience): Promise<void> => {
  if (isQuiescent(path)) {
    if (hasLeftovers(path)) return copyFiles(path, copy)
    const before = fileStamp(path)
    const outcome = await copyPages(openImmutable(path), copy, patience).then(
      () => undefined,
      error => ({ error }),
    )
    if (fileStamp(path) === before) {
      if (outcome !== undefined) throw outcome.error
      return
    }
    removeFile(copy)
  }
  try {
    await copyPages(openForReading(path), copy, patience)
  } catch (error) {
    if (!needsWriting(error)) throw error
    removeFile(copy)
    copyFiles(path, copy)
  }
}

const copyPages = async (source: Connection, copy: string, patience: Patience): Promise<void> => {
  try {
    // all pages as they are at this moment, whoever writes meanwhile
    source.exec('BEGIN')
    await whenFree(() => source.prepare('SELECT count(*) FROM sqlite_schema').get(), patience)
    const progress = () => {
      patience.signal.throwIfAborted()
      return pagesAtOnce
    }
    await source.backup(copy, { progress })
  } finally {
    source.close()
  }
}

/** The copy, and as much again for what migrations make of it. */
const copies = 2

/**
 * Runs `work` with the path of a copy of the database in a temporary folder, which goes in every path. The volume is only read.
 * Where there is no database there is no copy either: the path is free.
 * @throws Failure DISK_FULL that names the temporary folder, when the copy or what is made of it has no room; what `work` throws
 */
export const withCopy = async <T>(surroundings: Surroundings, work: (copy: string) => Promise<T>): Promise<T> => {
  const { database } = surroundings.config
  const bytes = sizeWithJournals(database)
  const folder = makeTemporaryFolder()
  const copyAndWork = async (): Promise<T> => {
    requireTemporarySpace(folder.path, copies * bytes)
    const copy = join(folder.path, basename(database))
    if (bytes > 0) await copyWithoutTrace(database, copy, patienceOf(surroundings))
    return work(copy)
  }
  return copyAndWork()
    .catch(error => {
      throw ofTheCopy(toFailure(error, database))
    })
    .finally(folder.remove)
}

/** What was full is the temporary folder. */
const ofTheCopy = (error: unknown): unknown => {
  if (!(error instanceof Failure) || error.code !== 'DISK_FULL' || error.hint === moreSpace) return error
  const message = 'the temporary folder is full: a copy and what migrations make of it have no room there'
  return new Failure('DISK_FULL', message, moreSpace, error)
}
