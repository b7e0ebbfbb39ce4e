import { dirname } from 'node:path'
import { attempt, Failure, forShell, unlessGone } from '../failure.ts'
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from '../fs.ts'
import { sizeOf, syncFolder } from '../volume/files.ts'
import { leftAsItIs } from './errors.ts'

/** The suffixes of the files beside a database: journals hold content, a -shm only the WAL index, which SQLite can rebuild. */
export const journals = ['-wal', '-journal'] as const
const companions = [...journals, '-shm'] as const

/** The magic of a database file: https://www.sqlite.org/fileformat.html#the_database_header */
const magic = 'SQLite format 3\0'

type ReadBy = <T>(path: string, read: (descriptor: number) => T) => T

/**
 * Reads a file of a database. Where this process has it open already, as a connection of the hub, it reads by that descriptor:
 * closing another one would drop all locks that the process has on the file (fcntl(2)).
 */
const readBeside: ReadBy = (path, read) => {
  const open = openHere(path)
  return open === undefined ? readAlone(path, read) : read(open)
}

const readAlone: ReadBy = (path, read) => {
  const descriptor = openSync(path, 'r')
  try {
    return read(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** The descriptor by which this process has a file open; undefined without one, and where there is no list of them. */
export const openHere = (path: string): number | undefined => {
  const listed = attempt(() => readdirSync('/dev/fd'))
  const file = fileOf(() => statSync(path))
  if ('error' in listed || file === undefined) return undefined
  return listed.value.map(Number).find(descriptor => fileOf(() => fstatSync(descriptor)) === file)
}

const fileOf = (stat: () => Readonly<{ dev: number; ino: number }>): string | undefined => {
  const found = attempt(stat)
  return 'value' in found ? `${found.value.dev}:${found.value.ino}` : undefined
}

/**
 * The 100-byte header of a database file; shorter if the file is.
 * @throws Failure CONFIG_INVALID if it is not a regular file
 */
const readHeader = (path: string, readBy = readBeside): Buffer => {
  refuseNoFile(path)
  const header = Buffer.alloc(100)
  return header.subarray(
    0,
    readBy(path, descriptor => readSync(descriptor, header, 0, header.length, 0)),
  )
}

/**
 * Checks the bytes before SQLite opens the file: it would create a new database in an empty file, and delete a bad journal.
 * @param isAlone whether nothing in this process has the database open
 * @throws Failure DATABASE_DAMAGED for a bad header or journal
 */
export const preflight = (path: string, isAlone: boolean): 'there' | 'empty' => {
  if (sizeOf(path) === 0) return 'empty'
  refuseBadHeader(path, isAlone ? readAlone : readBeside)
  refuseBadJournal(path)
  return 'there'
}

/** The journal mode, from the header: SQLite does not report it for a file opened as immutable. */
export const journalMode = (path: string): 'wal' | 'rollback' => (readHeader(path)[18] === 2 ? 'wal' : 'rollback')

/**
 * Whether the 100-byte header is invalid: magic, page size, format versions, payload fractions or text encoding. SQLite rejects
 * most of these itself, but opens an unknown version read-only, and deletes a journal beside a file that is no database.
 */
export const hasBadHeader = (path: string, readBy = readBeside): boolean => {
  const header = readHeader(path, readBy)
  if (header.length < 100 || header.toString('latin1', 0, magic.length) !== magic) return true
  const pageSize = header.readUInt16BE(16)
  const isPageSize = pageSize === 1 || (pageSize >= 512 && (pageSize & (pageSize - 1)) === 0)
  const areVersions = [18, 19].every(offset => header[offset] === 1 || header[offset] === 2)
  const areFractions = header[21] === 64 && header[22] === 32 && header[23] === 32
  const isEncoding = header.readUInt32BE(56) <= 3
  return !(isPageSize && areVersions && areFractions && isEncoding)
}

/** Call it before opening. @throws Failure DATABASE_DAMAGED for an invalid header, CONFIG_INVALID if it is not a regular file */
const refuseBadHeader = (path: string, readBy: ReadBy): void => {
  if (!hasBadHeader(path, readBy)) return
  throw new Failure(
    'DATABASE_DAMAGED',
    `${path} is not a SQLite database`,
    'The file was left as it is. Check DATABASE_URL.',
  )
}

/**
 * SQLite waits forever on a pipe, even on one named like a journal.
 * @throws Failure CONFIG_INVALID if the database, its -wal, -journal or -shm is a folder, a device or a pipe
 */
export const refuseNoFile = (path: string): void => {
  for (const suffix of companions) {
    const beside = statSync(path + suffix, { throwIfNoEntry: false })
    if (beside === undefined || beside.isFile()) continue
    const message = `${path + suffix} is ${beside.isDirectory() ? 'a folder' : 'not a regular file'}, where SQLite keeps a file`
    throw new Failure(
      'CONFIG_INVALID',
      message,
      `Move it away: \`mv ${forShell(path + suffix)} ${forShell(`${path + suffix}.old`)}\`.`,
    )
  }
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.isFile()) return
  const hint = 'Set DATABASE_URL to a file. A volume is mounted on the folder of the file, not on the file itself.'
  throw new Failure(
    'CONFIG_INVALID',
    `the database path ${path} is ${stats.isDirectory() ? 'a folder' : 'not a regular file'}`,
    hint,
  )
}

/** Whether there is a non-empty journal or WAL: the last writer was killed or is still at work. */
export const hasLeftovers = (path: string): boolean => journals.some(suffix => sizeOf(path + suffix) > 0)

/** The magic of a hot journal, in hex: https://www.sqlite.org/fileformat.html#the_rollback_journal */
const hot = 'd9d505f920a163d7'

/** Whether the last writer died inside a transaction in rollback-journal mode. Check before opening, which rolls it back. */
export const hasHotJournal = (path: string): boolean => journalBeginning(path) === hot

/**
 * Whether the journal's header is neither hot nor zeroed. SQLite treats such a journal as empty and deletes it, which leaves
 * half a transaction in the file. Check before opening.
 */
export const hasBadJournal = (path: string): boolean => {
  const beginning = journalBeginning(path)
  return beginning !== hot && !/^(?:00|$)/.test(beginning)
}

/** @throws Failure DATABASE_DAMAGED for a bad journal */
export const refuseBadJournal = (path: string): void => {
  if (!hasBadJournal(path)) return
  const message = `${path}-journal is damaged, so the transaction that it would undo is half done in the database`
  throw new Failure('DATABASE_DAMAGED', message, leftAsItIs)
}

/** The first 8 bytes of the journal in hex; empty if it is missing or empty. */
const journalBeginning = (path: string): string => beginningOf(`${path}-journal`, 8).toString('hex')

/** The first bytes of a journal or WAL; fewer if it is shorter, none if it is missing. */
export const beginningOf = (file: string, length: number): Buffer => {
  // a running hub deletes its journal at each commit
  const descriptor = unlessGone(() => openSync(file, 'r'))
  if (descriptor === undefined) return Buffer.alloc(0)
  try {
    return bytesOf(descriptor, length)
  } finally {
    closeSync(descriptor)
  }
}

/** The first bytes of the WAL index; none without one. */
const walIndex = (path: string, length: number): Buffer => {
  const found = attempt(() => readBeside(`${path}-shm`, descriptor => bytesOf(descriptor, length)))
  return 'value' in found ? found.value : Buffer.alloc(0)
}

/**
 * Whether the last writer in WAL mode died. The next connection then rebuilds the WAL index, which has iChange = 0 though
 * mxFrame > 0 (https://www.sqlite.org/walformat.html#the_wal_index_header). A running hub keeps its own index.
 * Call it after the first read.
 */
export const wasWalRecovered = (path: string): boolean => {
  if (sizeOf(`${path}-wal`) === 0) return false
  const header = walIndex(path, 48)
  return header.length === 48 && header.readUInt32LE(8) === 0 && header.readUInt32LE(16) > 0
}

/**
 * The bytes of the WAL that a database's connections count as committed, by the WAL index. A writer that is killed after its last
 * frame and before it writes the index leaves more: whole and valid, but no connection reads it, and the next writer overwrites it.
 * A copy would be recovered with it.
 * Call it while a process has a transaction on the database: only then is the index known to be true.
 * (https://www.sqlite.org/walformat.html#the_wal_index_header)
 * @returns 0 if the index is of an earlier WAL, all of which is in the database; undefined without a WAL index, or while it is written
 */
export const committedBytes = (path: string): number | undefined => {
  const [index, wal] = [walIndex(path, 96), beginningOf(`${path}-wal`, 32)]
  // the index holds its header twice, so that a reader notices one that is half written
  const [header, twin] = [index.subarray(0, 48), index.subarray(48)]
  if (index.length < 96 || wal.length < 32 || !header.equals(twin)) return undefined
  const isOfThis = header.subarray(32, 40).equals(wal.subarray(16, 24))
  return isOfThis ? 32 + header.readUInt32LE(16) * (24 + wal.readUInt32BE(8)) : 0
}

const bytesOf = (descriptor: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0))
}

/** Bytes of a database with its journals; 0 if there is none. */
export const sizeWithJournals = (database: string): number =>
  ['', ...journals].reduce((sum, suffix) => sum + sizeOf(database + suffix), 0)

/**
 * Flushes all commits to disk, no matter which program made them. In WAL mode a program with synchronous = NORMAL, or a run
 * killed between write and fsync, leaves commits only in the page cache: a ready marker on disk would be wrong after a power cut.
 * Never opens the database file: closing it would drop this process's locks on it (fcntl(2)). SQLite flushes that file itself
 * before it deletes a journal or WAL.
 * @throws the filesystem's errors
 */
export const flushCommitted = (database: string): void => {
  if (sizeOf(`${database}-wal`) > 0) unlessGone(() => syncFolder(`${database}-wal`))
  syncFolder(dirname(database))
}
