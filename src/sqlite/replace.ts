import { basename, dirname } from 'node:path'
import { attempt, errorCode, Failure } from '../failure.ts'
import { existsSync, linkSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync } from '../fs.ts'
import { freePath, removeFile, sizeOf, syncFolder } from '../volume/files.ts'
import { type Connection, openDatabase, refuseReplaced } from './connect.ts'
import { isBusy, sqliteCode, toFailure } from './errors.ts'
import { hasBadHeader, hasBadJournal, journals } from './file.ts'

/** Names beside the database for the files that were replaced. */
type KeptNames = Readonly<{
  /** the path for a time such as `20260118T100000Z` */
  at: (stamp: string) => string
  /** the paths of all files replaced so far */
  all: () => readonly string[]
}>

/**
 * Replaces a database with a complete, synced file, and keeps the old one as `<database>.replaced-<UTC>`.
 *
 * A sound database is replaced by one rename under its exclusive lock: a kill -9 leaves the old or the new file. A file that
 * SQLite cannot open cannot be locked, and its journal must not be applied to the new file: it is moved aside first, so a kill
 * may leave no database, which `up` refuses to create anew.
 * If the replacement fails, everything is put back.
 * @param withdraw called once no other process can use the database, before anything is moved; returns its undo
 * @returns the path of the old file; undefined if there was none
 * @throws Failure DATABASE_BUSY if it is open elsewhere, naming the process if it runs in this container
 */
export const replaceDatabase = (
  database: string,
  replacement: string,
  names: KeptNames,
  withdraw: () => () => void,
): string | undefined => {
  refuseOpenElsewhere(database)
  const isForSqlite = sizeOf(database) > 0 && !hasBadHeader(database) && !hasBadJournal(database)
  const locked = isForSqlite ? lockForGood(database) : undefined
  try {
    return exchange(database, replacement, names, locked, withdraw)
  } finally {
    locked?.connection.close()
  }
}

const exchange = (
  database: string,
  replacement: string,
  names: KeptNames,
  locked: Locked | undefined,
  withdraw: () => () => void,
): string | undefined => {
  const undo = [() => locked?.setBack()]
  try {
    removeHalfKept(database, names.all())
    const kept = freePath(names.at)
    undo.push(withdraw())
    undo.push(() => putBack(database, kept))
    const old = locked === undefined ? moveAside(database, kept) : keep(database, kept)
    // flush first: a power cut must not bring back the old WAL beside the new file
    syncFolder(dirname(database))
    renameSync(replacement, database)
    undo.length = 0
    const flushed = attempt(() => syncFolder(dirname(database)))
    if ('error' in flushed) throw notFlushed(database, old, flushed.error)
    return old
  } catch (error) {
    for (const step of undo.toReversed()) attempt(step)
    throw error
  }
}

/** The new file is in place, whatever the failure's own hint says; a power cut may still bring the old one back. */
const notFlushed = (database: string, old: string | undefined, error: unknown): unknown => {
  const failure = toFailure(error, database)
  if (!(failure instanceof Failure)) return failure
  const kept = old === undefined ? '' : `; what was there is ${old}`
  const message = `${database} is replaced${kept}, but that could not be flushed to disk: ${failure.message}`
  return new Failure(
    failure.code,
    message,
    'Fix that, then run `migrator up`, which checks the database again.',
    failure,
  )
}

type Locked = Readonly<{
  connection: Connection
  /** restores its journal mode */
  setBack: () => void
}>

/**
 * Takes the exclusive lock and leaves WAL mode: on close in WAL mode SQLite deletes the WAL by name, which by then would be the
 * new database's. Undefined if SQLite cannot read the file.
 */
const lockForGood = (database: string): Locked | undefined => {
  const connection = openDatabase(database)
  const outcome = attempt(() => {
    connection.pragma('locking_mode = EXCLUSIVE')
    connection.exec('BEGIN EXCLUSIVE')
    refuseReplaced(connection)
    connection.exec('COMMIT')
    const mode = connection.pragma('journal_mode', { simple: true })
    connection.pragma('journal_mode = DELETE')
    // left by a killed reader or another journal mode
    for (const suffix of ['-shm', '-journal']) removeFile(database + suffix)
    return { connection, setBack: () => void connection.pragma(`journal_mode = ${mode}`) }
  })
  if ('value' in outcome) return outcome.value
  connection.close()
  // if another file took its name, the error says nothing about damage in this one
  refuseReplaced(connection)
  if (isBusy(outcome.error)) throw openSomewhere(database, outcome.error)
  if (/^SQLITE_(?:NOTADB|CORRUPT|ERROR)/.test(String(sqliteCode(outcome.error)))) return undefined
  throw outcome.error
}

/** There is nothing to wait for: an idle hub keeps it open, too. */
const openSomewhere = (database: string, cause: unknown): Failure => {
  const hint = 'Stop the hub, and whatever else has the database open, then try again.'
  return new Failure('DATABASE_BUSY', `another program has ${database} open`, hint, cause)
}

/** Adds a hard link, so that one rename replaces the database; moves it where the filesystem has no links. */
const keep = (database: string, kept: string): string => {
  const linked = attempt(() => linkSync(database, kept))
  if ('error' in linked && errorCode(linked.error) === 'EEXIST')
    throw new Failure('DATABASE_BUSY', `another program made ${kept} just now`, 'Try again.', linked.error)
  if ('error' in linked) renameSync(database, kept)
  return kept
}

/**
 * Moves the database first: a journal without one does no harm. Journals beside a missing or empty database are kept, too:
 * their owner is unknown, and they would corrupt an older database put there.
 */
const moveAside = (database: string, kept: string): string | undefined => {
  const present = ['', ...journals].filter(suffix => existsSync(database + suffix))
  removeFile(`${database}-shm`)
  if (present.every(suffix => sizeOf(database + suffix) === 0)) return undefined
  for (const suffix of present) renameSync(database + suffix, kept + suffix)
  return kept + present[0]
}

/** Undoes keep and moveAside, however far they got. Renaming between two links to one file does nothing (rename(2)). */
const putBack = (database: string, kept: string): void => {
  for (const suffix of [...journals, ''].filter(suffix => existsSync(kept + suffix))) {
    renameSync(kept + suffix, database + suffix)
    removeFile(kept + suffix)
  }
}

/** Removes a hard link that a killed restore left: it is the database itself. */
const removeHalfKept = (database: string, kept: readonly string[]): void => {
  const file = statSync(database, { throwIfNoEntry: false })
  for (const replaced of kept)
    if (file !== undefined && statSync(replaced, { throwIfNoEntry: false })?.ino === file.ino) removeFile(replaced)
}

/**
 * Finds processes that have the database open without a lock, such as an idle connection in rollback-journal mode. Sees only
 * what /proc shows (proc(5)): processes of this container, and unless run as root only the user's own.
 * @throws Failure DATABASE_BUSY naming the process
 */
export const refuseOpenElsewhere = (path: string): void => {
  const file = statSync(path, { throwIfNoEntry: false })
  if (file === undefined) return
  const [self] = allowed(() => [readlinkSync('/proc/self')])
  const isIt = (link: string): boolean =>
    allowed(() => [basename(readlinkSync(link))]).includes(basename(path)) &&
    allowed(() => [statSync(link)]).some(({ dev, ino }) => dev === file.dev && ino === file.ino)
  for (const pid of allowed(() => readdirSync('/proc')).filter(name => /^\d+$/.test(name) && name !== self)) {
    const folder = `/proc/${pid}/fd`
    if (!allowed(() => readdirSync(folder)).some(descriptor => isIt(`${folder}/${descriptor}`))) continue
    const names = allowed(() => [readFileSync(`/proc/${pid}/comm`, 'utf8').trim()])
    throw new Failure(
      'DATABASE_BUSY',
      `${path} is open in process ${pid} (${names})`,
      'Stop that process, then try again.',
    )
  }
}

/** Empty on any error: processes come and go, and /proc hides most of them from this user. */
const allowed = <T>(work: () => readonly T[]): readonly T[] => {
  const outcome = attempt(work)
  return 'value' in outcome ? outcome.value : []
}
