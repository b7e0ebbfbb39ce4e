import { closeSync, openSync, readSync } from 'node:fs'
import { attempt } from '../attempt.ts'
import { Failure } from '../failure.ts'
import { sizeOf } from '../size-of.ts'
import { leftAsItIs } from './sqlite-failure.ts'

/** Whether a journal with content lies beside the database: its last writer was killed, or is still at work. */
export const hasLeftovers = (path: string): boolean => ['-journal', '-wal'].some(suffix => sizeOf(path + suffix) > 0)

/** What a journal begins with that is to be rolled back: https://www.sqlite.org/fileformat.html#the_rollback_journal */
const hot = 'd9d505f920a163d7'

/** Whether the last writer died in the middle of a transaction, in rollback-journal mode. Asked before the database is opened. */
export const hasHotJournal = (path: string): boolean => beginningOf(`${path}-journal`) === hot

/**
 * What is begun as no journal is, and not zeroed as that of a finished transaction, SQLite takes for one with nothing in it: it does
 * away with it, and half of a transaction stays for good. So this is asked before the database is opened.
 */
export const hasStrangeJournal = (path: string): boolean => {
  const beginning = beginningOf(`${path}-journal`)
  return beginning !== hot && !/^(?:00|$)/.test(beginning)
}

/** @throws Failure DATABASE_DAMAGED where there is a strange journal */
export const refuseStrangeJournal = (path: string): void => {
  if (!hasStrangeJournal(path)) return
  const message = `${path}-journal is damaged: its first bytes are others, and what it would take back is half done in ${path}`
  throw new Failure('DATABASE_DAMAGED', message, leftAsItIs)
}

/** The first 8 bytes of a file in hexadecimal; none of one that is missing or empty. */
const beginningOf = (file: string): string => {
  if (sizeOf(file) === 0) return ''
  const descriptor = openSync(file, 'r')
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
