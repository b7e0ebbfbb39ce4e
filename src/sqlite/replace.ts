import { existsSync, linkSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { attempt, errorCode, Failure } from '../failure.ts'
import { freePath, removeFile, sizeOf, syncFolder } from '../volume/files.ts'
import { type Connection, openDatabase, refuseReplaced } from './connect.ts'
import { isBusy, sqliteCode, toFailure } from './errors.ts'
import { hasBadHeader, hasBadJournal, journals } from './file.ts'

/** What is replaced gets a name beside the database. */
export type KeptNames = Readonly<{
  /** the path at a time such as `20260118T100000Z` */
  at: (stamp: string) => string
  /** the paths of what was replaced until now */
  all: () => readonly string[]
}>

/**
 * Puts a whole, synced file in the place of a database, and keeps what was there as `<database>.replaced-<UTC>`.
 *
 * A sound database is replaced in one rename, under its exclusive lock: at kill -9 there is the old or the new one. One that
 * SQLite cannot open cannot be locked either, and may have a journal that must not meet the new file: it is moved aside first,
 * so a kill may leave no database, which `up` refuses to make anew.
 * Where the new one cannot take its place, all is as it was.
 * @param withdraw called when nobody else can have it any more, before anything is moved; gives back what undoes it
 * @returns where the old one is; undefined when there was none
 * @throws Failure DATABASE_BUSY when somebody has it open, naming the process where it is one of this container
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
    // an old WAL that a power cut brings back must not meet the new file
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

/** The new one is in place, whatever the failure's own hint says; a power cut may still bring the old one back. */
const notFlushed = (database: string, old: string | undefined, error: unknown): unknown => {
  const failure = toFailure(error, database)
  if (!(failure instanceof Failure)) return failure
  const kept = old === undefined ? '' : `; what was there is ${old}`
  const message = `${database} is replaced${kept}, but that could not be flushed to disk: ${failure.message}`
  return new Failure(failure.code, message, 'Mend that, then run "migrator up": it checks the database again.', failure)
}

type Locked = Readonly<{
  connection: Connection
  /** gives it the journal mode that it had */
  setBack: () => void
}>

/**
 * The exclusive lock, and the journal gone: when a connection in WAL mode is closed, SQLite deletes the WAL by its name, which
 * by then would be the new database's.
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
    // what a killed reader, or another journal mode, left
    for (const suffix of ['-shm', '-journal']) removeFile(database + suffix)
    return { connection, setBack: () => void connection.pragma(`journal_mode = ${mode}`) }
  })
  if ('value' in outcome) return outcome.value
  connection.close()
  // the journal of a new file is no sign of damage in the old one
  refuseReplaced(connection)
  if (isBusy(outcome.error)) throw openSomewhere(database, outcome.error)
  if (/^SQLITE_(?:NOTADB|CORRUPT|ERROR)/.test(String(sqliteCode(outcome.error)))) return undefined
  throw outcome.error
}

/** Not a writer that could be waited for: a hub that does nothing has it open, too. */
const openSomewhere = (database: string, cause: unknown): Failure => {
  const hint = 'Stop its hub, in whatever container it is, then start again.'
  return new Failure('DATABASE_BUSY', `${database} is open in another program`, hint, cause)
}

/** By a second name for the same file, so that the rename replaces it at once; by moving it where a filesystem has no links. */
const keep = (database: string, kept: string): string => {
  const linked = attempt(() => linkSync(database, kept))
  if ('error' in linked && errorCode(linked.error) === 'EEXIST')
    throw new Failure('DATABASE_BUSY', `${kept} was made by another program just now`, 'Start again.', linked.error)
  if ('error' in linked) renameSync(database, kept)
  return kept
}

/**
 * The database first: without it a journal harms nobody. What lies beside a missing or empty one gets a name of its own, too:
 * whose journal it is nobody knows, and beside an older database it would spoil that.
 */
const moveAside = (database: string, kept: string): string | undefined => {
  const present = ['', ...journals].filter(suffix => existsSync(database + suffix))
  removeFile(`${database}-shm`)
  if (present.every(suffix => sizeOf(database + suffix) === 0)) return undefined
  for (const suffix of present) renameSync(database + suffix, kept + suffix)
  return kept + present[0]
}

/** Undoes keep and moveAside, however far they came. To rename one of two names of a file does nothing (rename(2)). */
const putBack = (database: string, kept: string): void => {
  for (const suffix of [...journals, ''].filter(suffix => existsSync(kept + suffix))) {
    renameSync(kept + suffix, database + suffix)
    removeFile(kept + suffix)
  }
}

/** A second name that a killed restore left is the database itself. */
const removeHalfKept = (database: string, kept: readonly string[]): void => {
  const file = statSync(database, { throwIfNoEntry: false })
  for (const replaced of kept)
    if (file !== undefined && statSync(replaced, { throwIfNoEntry: false })?.ino === file.ino) removeFile(replaced)
}

/**
 * Finds who has the database open though it holds no lock, as an idle connection in rollback-journal mode. Only what the kernel
 * shows is seen (proc(5)): processes of this container, and for a user other than root its own.
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
      'Stop it first, then start again.',
    )
  }
}

/** Processes come and go, and most of what they have is not for this user: then there is nothing. */
const allowed = <T>(work: () => readonly T[]): readonly T[] => {
  const outcome = attempt(work)
  return 'value' in outcome ? outcome.value : []
}
