import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import Database from 'better-sqlite3'
import { attempt, attemptAsync, errorCode, Failure, type Outcome } from '../failure.ts'
import { constants, copyFileSync, existsSync, statSync } from '../fs.ts'
import { removeFile } from '../volume/files.ts'
import { makeTemporaryFolder, moreSpace, requireTemporarySpace } from '../volume/folders.ts'
import { type Connection, openForReading, type Patience, whenFree } from './connect.ts'
import { sqliteCode, toFailure } from './errors.ts'
import { hasLeftovers, journalMode, journals, sizeWithJournals } from './file.ts'
import { patienceOf, type Surroundings } from './sqlite.ts'

/**
 * Lets `work` read an existing database without a trace: creates and writes no file, blocks no writer. Works on a read-only
 * mount and after a writer was killed. `work` may be called twice, so it must only read.
 *
 * To read a database in WAL mode SQLite creates a -shm file, and leaves it. So a quiescent file is opened as immutable
 * (`immutable=1`, https://www.sqlite.org/uri.html), and read again if another program opened it meanwhile. What a killed writer
 * left is recovered on a copy in a temporary folder. If its -shm is left too, SQLite rebuilds it in place, as any next connection
 * would: it is only the WAL index, so nothing is lost.
 * @throws what `work` throws; SQLite's own errors
 */
export const readOnly = <T>(path: string, work: (connection: Connection) => Promise<T>): Promise<T> =>
  withoutTrace(path, {
    still: () => withConnection(openImmutable(path), work),
    open: () => withConnection(openForReading(path), work),
    recover: () => readCopy(path, work),
  })

/** Three ways to read all of a database; it may be read twice. */
type Ways<T> = Readonly<{
  /** no process has it open */
  still: () => Promise<T>
  /** others may have it open */
  open: () => Promise<T>
  /** SQLite would have to write first: on a copy */
  recover: () => Promise<T>
}>

const withoutTrace = async <T>(path: string, { still, open, recover }: Ways<T>): Promise<T> => {
  if (isQuiescent(path)) {
    if (hasLeftovers(path)) return recover()
    const before = fileStamp(path)
    const outcome = await attemptAsync(() => (knowsUris() ? still() : recover()))
    if (fileStamp(path) === before) return resultOf(outcome)
  }
  const outcome = await attemptAsync(open)
  if ('error' in outcome && needsWriting(outcome.error)) return recover()
  return resultOf(outcome)
}

/** Whether a database is in WAL mode and no process has it open: there is no -shm file. */
export const isQuiescent = (path: string): boolean => journalMode(path) === 'wal' && !existsSync(`${path}-shm`)

/** Opens a file as immutable, without locks or a -shm: no process may write it meanwhile. */
export const openImmutable = (path: string): Connection =>
  new Database(`${pathToFileURL(path)}?mode=ro&immutable=1`, { readonly: true })

/** Whether SQLite reads URIs: main.ts says so before the first database is opened; another process may not have. */
export const knowsUris = (): boolean => {
  const opened = attempt(() => new Database('file:?mode=memory', { readonly: true }))
  if ('value' in opened) opened.value.close()
  return 'value' in opened
}

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

/** How often to try copying files that a running hub may delete meanwhile. */
const tries = 5

/** Copies a database with the journal or WAL that a killed writer left: opening the copy recovers it. */
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
    // one snapshot for all reads; close() ends it, because COMMIT would fail after damage was met
    connection.exec('BEGIN')
    return await work(connection)
  } finally {
    connection.close()
  }
}

/** A text that changes when any program opens the database to read or write it. */
export const fileStamp = (path: string): string => {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true })
  return `${ino} ${size} ${mtimeNs} ${existsSync(`${path}-shm`)}`
}

/** Whether SQLite must write before it can read: roll back a hot journal or rebuild a WAL index that a killed writer left. */
export const needsWriting = (error: unknown): boolean =>
  /^SQLITE_(?:READONLY_|CANTOPEN)/.test(String(sqliteCode(error)))

const resultOf = <T>(outcome: Outcome<T>): T => {
  if ('error' in outcome) throw outcome.error
  return outcome.value
}

/** Pages copied per step; between steps signals are handled and other work runs. */
const pagesAtOnce = 2000

/**
 * Copies the last committed content of a database into a new file of the same journal mode: a clone where no process has it open
 * and the filesystem can, else page by page. Leaves no trace beside the original, for the reasons given at `readOnly`, and blocks
 * no writer in WAL mode.
 * @throws the signal's reason while it waits for a writer; SQLite's own errors (SQLITE_FULL)
 */
export const copyWithoutTrace = (path: string, copy: string, patience: Patience): Promise<void> =>
  withoutTrace(path, {
    still: async () => (isCloned(path, copy) ? undefined : copyPages(openImmutable(path), copy, patience)),
    open: () => copyPages(openForReading(path), copy, patience),
    recover: async () => {
      removeFile(copy)
      copyFiles(path, copy)
    },
  })

/** Clones a file, whose blocks both share from then on (btrfs, XFS); false where that cannot be done. */
const isCloned = (path: string, copy: string): boolean =>
  'value' in attempt(() => copyFileSync(path, copy, constants.COPYFILE_FICLONE_FORCE))

const copyPages = async (source: Connection, copy: string, patience: Patience): Promise<void> => {
  try {
    // of a former try
    removeFile(copy)
    // one snapshot of all pages, even if another program writes meanwhile
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

/** Space needed, in database sizes: the copy, and as much again for what migrations write to it. */
const copies = 2

/**
 * Runs `work` on a copy of the database in a temporary folder, which is always removed. The volume is only read. If there is
 * no database, no file is at the path of the copy.
 * @throws Failure DISK_FULL naming the temporary folder, if the copy or what is written to it does not fit; what `work` throws
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

/** Makes DISK_FULL name the temporary folder, not the volume. */
const ofTheCopy = (error: unknown): unknown => {
  if (!(error instanceof Failure) || error.code !== 'DISK_FULL' || error.hint === moreSpace) return error
  const message = 'the temporary folder is full: a copy and what migrations make of it have no room there'
  return new Failure('DISK_FULL', message, moreSpace, error)
}
