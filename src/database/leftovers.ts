import { closeSync, openSync, readSync } from 'node:fs'
import { attempt } from '../attempt.ts'
import { sizeOf } from '../size-of.ts'

/** Whether a journal with content lies beside the database: its last writer was killed, or is still at work. */
export const hasLeftovers = (path: string): boolean => ['-journal', '-wal'].some(suffix => sizeOf(path + suffix) > 0)

/** What a journal begins with that is to be rolled back: https://www.sqlite.org/fileformat.html#the_rollback_journal */
const hot = 'd9d505f920a163d7'

/** Whether the last writer died in the middle of a transaction, in rollback-journal mode. Asked before the database is opened. */
export const hasHotJournal = (path: string): boolean => {
  if (sizeOf(`${path}-journal`) === 0) return false
  const descriptor = openSync(`${path}-journal`, 'r')
  try {
    return bytesOf(descriptor, 8).toString('hex') === hot
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
