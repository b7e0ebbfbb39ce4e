import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt, Failure, unlessGone } from '../failure.ts'
import { sizeOf, syncFolder } from '../volume/files.ts'
import { leftAsItIs } from './errors.ts'

/** What SQLite puts beside a database: journals, which have content, and the index of a WAL, which it can make anew. */
export const journals = ['-wal', '-journal'] as const
const companions = [...journals, '-shm'] as const

/** What a database file begins with: https://www.sqlite.org/fileformat.html#the_database_header */
const magic = 'SQLite format 3\0'

/**
 * The first 100 bytes of a database file, fewer where it has fewer. Not while this process holds a lock on the file: closing it
 * here would give that up (fcntl(2)).
 * @throws Failure CONFIG_INVALID for what is no file
 */
const readHeader = (path: string): Buffer => {
  refuseNoFile(path)
  const header = Buffer.alloc(100)
  const descriptor = openSync(path, 'r')
  try {
    return header.subarray(0, readSync(descriptor, header, 0, header.length, 0))
  } finally {
    closeSync(descriptor)
  }
}

/**
 * What the bytes tell before SQLite opens the file: it would make a new database of nothing, and do away with a bad journal.
 * @throws Failure DATABASE_DAMAGED
 */
export const preflight = (path: string): 'there' | 'empty' => {
  if (sizeOf(path) === 0) return 'empty'
  refuseBadHeader(path)
  refuseBadJournal(path)
  return 'there'
}

/** As the header has it; whoever opened the file immutably could not ask SQLite for it. */
export const journalMode = (path: string): 'wal' | 'rollback' => (readHeader(path)[18] === 2 ? 'wal' : 'rollback')

/**
 * Whether a file begins as no database does: other first bytes, a page size, version or text encoding that there is none of,
 * other fractions than the fixed ones. SQLite says so of most, but opens a version it does not know without the right to write, and does away with a
 * journal beside a file that is none.
 */
export const hasBadHeader = (path: string): boolean => {
  const header = readHeader(path)
  if (header.length < 100 || header.toString('latin1', 0, magic.length) !== magic) return true
  const pageSize = header.readUInt16BE(16)
  const isPageSize = pageSize === 1 || (pageSize >= 512 && (pageSize & (pageSize - 1)) === 0)
  const areVersions = [18, 19].every(offset => header[offset] === 1 || header[offset] === 2)
  const areFractions = header[21] === 64 && header[22] === 32 && header[23] === 32
  const isEncoding = header.readUInt32BE(56) <= 3
  return !(isPageSize && areVersions && areFractions && isEncoding)
}

/**
 * @throws Failure DATABASE_DAMAGED for a file that begins as no database does, CONFIG_INVALID for what is no file; before it
 *   is opened
 */
export const refuseBadHeader = (path: string): void => {
  if (!hasBadHeader(path)) return
  const hint = 'It is left as it is. Check DATABASE_URL.'
  throw new Failure('DATABASE_DAMAGED', `${path} is no SQLite database: its first bytes are others`, hint)
}

/**
 * SQLite waits for ever for a pipe, in the place of a journal too.
 * @throws Failure CONFIG_INVALID when a folder, a device or a pipe is in the place of the database or of what SQLite keeps beside it
 */
export const refuseNoFile = (path: string): void => {
  for (const suffix of companions) {
    const beside = statSync(path + suffix, { throwIfNoEntry: false })
    if (beside === undefined || beside.isFile()) continue
    const message = `${path + suffix} is ${beside.isDirectory() ? 'a folder' : 'no file'}, and SQLite keeps a file there`
    throw new Failure('CONFIG_INVALID', message, 'Move it away.')
  }
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || stats.isFile()) return
  const hint = 'Name a file with DATABASE_URL. A volume is mounted on the folder above it, not on the file.'
  throw new Failure(
    'CONFIG_INVALID',
    `the database path ${path} is ${stats.isDirectory() ? 'a folder' : 'no file'}`,
    hint,
  )
}

/** Whether a journal with content lies beside the database: its last writer was killed, or is still at work. */
export const hasLeftovers = (path: string): boolean => journals.some(suffix => sizeOf(path + suffix) > 0)

/** What a journal begins with that is to be rolled back: https://www.sqlite.org/fileformat.html#the_rollback_journal */
const hot = 'd9d505f920a163d7'

/** Whether the last writer died in the middle of a transaction, in rollback-journal mode. Asked before the database is opened. */
export const hasHotJournal = (path: string): boolean => beginningOf(`${path}-journal`) === hot

/**
 * What is begun as no journal is, and not zeroed as that of a finished transaction, SQLite takes for one with nothing in it: it does
 * away with it, and half of a transaction stays for good. So this is asked before the database is opened.
 */
export const hasBadJournal = (path: string): boolean => {
  const beginning = beginningOf(`${path}-journal`)
  return beginning !== hot && !/^(?:00|$)/.test(beginning)
}

/** @throws Failure DATABASE_DAMAGED where there is a strange journal */
export const refuseBadJournal = (path: string): void => {
  if (!hasBadJournal(path)) return
  const message = `${path}-journal is damaged: its first bytes are others, and what it would take back is half done in ${path}`
  throw new Failure('DATABASE_DAMAGED', message, leftAsItIs)
}

/** The first 8 bytes of a file in hexadecimal; none of one that is missing or empty. */
const beginningOf = (file: string): string => {
  // a hub at work deletes its journal with each commit
  const descriptor = unlessGone(() => openSync(file, 'r'))
  if (descriptor === undefined) return ''
  try {
    return bytesOf(descriptor, 8).toString('hex')
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Whether the last writer in WAL mode died: whoever opens the database next has to make the index of its WAL anew, and then that
 * counts no change yet, though it has pages (https://www.sqlite.org/walformat.html#the_wal_index_header, iChange and mxFrame).
 * A hub that is at work goes on with its own index. Asked after the first read.
 */
export const wasWalRecovered = (path: string): boolean => {
  if (sizeOf(`${path}-wal`) === 0) return false
  // never closed: that would give up SQLite's own locks on the file (fcntl(2))
  const opened = attempt(() => openSync(`${path}-shm`, 'r'))
  if ('error' in opened) return false
  const header = bytesOf(opened.value, 48)
  return header.length === 48 && header.readUInt32LE(8) === 0 && header.readUInt32LE(16) > 0
}

const bytesOf = (descriptor: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  return bytes.subarray(0, readSync(descriptor, bytes, 0, length, 0))
}

/** Bytes of a database and its journals; 0 where there is none. */
export const sizeWithJournals = (database: string): number =>
  ['', ...journals].reduce((sum, suffix) => sum + sizeOf(database + suffix), 0)

/**
 * Puts what is committed in a database on disk, whoever committed it. In WAL mode another program (synchronous = NORMAL), or a
 * run that was killed between its write and its fsync, leaves commits in the page cache alone: what is said of them on disk, such
 * as by the ready marker, would be a lie after a power cut.
 * The database file itself is never opened: closing it would give up this process's locks on it (fcntl(2)). SQLite flushes
 * it before it takes a journal or a WAL away.
 * @throws the filesystem's errors
 */
export const flushCommitted = (database: string): void => {
  unlessGone(() => syncFolder(`${database}-wal`))
  syncFolder(dirname(database))
}
