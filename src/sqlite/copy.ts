import Database from 'better-sqlite3'
import { attempt, errorCode, unlessGone } from '../failure.ts'
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fsync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
} from '../fs.ts'
import { removeFile, sizeOf } from '../volume/files.ts'
import { type Check, checkFile, type FileCheck } from './check.ts'
import type { Connection } from './connect.ts'
import { beginningOf, committedBytes, hasLeftovers, journals, openHere } from './file.ts'
import { type Helper, runHelper } from './helper.ts'

/** Whether a process has a transaction on a database, so that its WAL index is true; at rest what is left of one tells nothing. */
export type State = 'open' | 'at rest'

/**
 * Copies a database into a new file: a clone where the filesystem can (FICLONE: btrfs, XFS), else a copy by the kernel.
 * Folds its journal or WAL into the copy, then flushes the copy to disk and checks it for damage, in parallel.
 *
 * Run it in a helper process while another process holds the write lock or a read transaction on the database. Either keeps
 * SQLite from checkpointing past the WAL (https://www.sqlite.org/wal.html#checkpointing), so file and WAL, copied in this order,
 * are one state, but for what a killed writer left behind the last commit (committedBytes). Only a fully checkpointed WAL can
 * restart beside a reader: then the file alone is the reader's state, and no checkpoint writes to it until the reader ends.
 * @returns the findings of the check, and the row counts
 * @throws SQLite's and the filesystem's errors
 */
export const copyDatabase = async (
  from: string,
  to: string,
  check: Check,
  state: State = 'at rest',
): Promise<FileCheck> => {
  const begun = walHeader(from)
  copyFile(from, to)
  const committed = state === 'open' ? committedBytes(from) : undefined
  const leftovers = journals.filter(suffix => sizeOf(from + suffix) > 0)
  // a hub that rolls back deletes its journal meanwhile
  for (const suffix of leftovers) unlessGone(() => copyFile(from + suffix, to + suffix))
  if (walHeader(from) !== begun || committed === 0) removeFile(`${to}-wal`)
  else if (committed !== undefined && sizeOf(`${to}-wal`) > committed) truncateSync(`${to}-wal`, committed)
  // a failure here is damage, which checkFile reports below
  if (leftovers.length > 0) attempt(() => foldLeftovers(to))
  return flushAndCheck(to, check)
}

const flushAndCheck = async (file: string, check: Check): Promise<FileCheck> => {
  const descriptor = openSync(file, 'r+')
  const done = Promise.all([checkFile(file, check), flush(descriptor)])
  const [checked] = await done.finally(() => closeSync(descriptor))
  return checked
}

/** Beside this thread. Not by node:fs/promises, which loads ten modules of Node. */
const flush = (descriptor: number): Promise<void> =>
  new Promise((resolve, reject) => fsync(descriptor, error => (error === null ? resolve() : reject(error))))

/** Bytes up to which a database is copied without a helper, which takes longer to start than that. */
const small = 16 * 1024 * 1024

/**
 * The same in this process, for a small database without a journal or WAL that it has open: by that descriptor, since to close
 * another one would drop the lock (see Helper).
 * @returns undefined for any other database
 */
const copyHere = async (from: string, to: string, check: Check): Promise<FileCheck | undefined> => {
  const size = sizeOf(from)
  const descriptor = size > small || hasLeftovers(from) ? undefined : openHere(from)
  if (descriptor === undefined) return undefined
  const bytes = Buffer.alloc(size)
  let length = 0
  for (let read = -1; length < size && read !== 0; length += read)
    read = readSync(descriptor, bytes, length, size - length, length)
  writeFileSync(to, bytes.subarray(0, length), { flag: 'wx', mode: 0o600 })
  return flushAndCheck(to, check)
}

/** Copies into a new file of mode 0600, whatever the mode of the original; the mode is skipped where the filesystem has none. */
const copyFile = (from: string, to: string): void => {
  const copied = attempt(() => copyFileSync(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL))
  // on a filesystem without modes (exFAT, NTFS, SMB) only root may chmod: copyFileSync fails and removes the copy
  if ('error' in copied && errorCode(copied.error) === 'EPERM') copyBytes(from, to)
  else if ('error' in copied) throw copied.error
  attempt(() => chmodSync(to, 0o600))
}

const copyBytes = (from: string, to: string): void => {
  const [source, target] = [openSync(from, 'r'), openSync(to, 'wx')]
  try {
    const chunk = Buffer.alloc(1024 * 1024)
    for (let length = readSync(source, chunk); length > 0; length = readSync(source, chunk))
      writeFileSync(target, chunk.subarray(0, length))
  } finally {
    closeSync(source)
    closeSync(target)
  }
}

/** The 32-byte WAL header, in hex; its salts change when the WAL restarts (https://www.sqlite.org/fileformat.html#the_write_ahead_log). */
const walHeader = (path: string): string => beginningOf(`${path}-wal`, 32).toString('hex')

/** Works on a database that no process has open. Exclusive locking needs no -shm; closing the last connection deletes the empty WAL. */
const withAlone = (path: string, work: (connection: Connection) => void): void => {
  const connection = new Database(path, { fileMustExist: true })
  try {
    connection.pragma('locking_mode = EXCLUSIVE')
    work(connection)
  } finally {
    connection.close()
  }
}

const foldLeftovers = (path: string): void =>
  withAlone(path, connection => {
    // the first read rolls back a hot journal
    connection.prepare('SELECT count(*) FROM sqlite_schema').get()
    connection.pragma('wal_checkpoint(TRUNCATE)')
  })

/** Sets journal_mode DELETE on a database that no process has open. @throws SQLite's errors */
export const setRollbackJournal = (path: string): void =>
  withAlone(path, connection => void connection.pragma('journal_mode = DELETE'))

/** `copyDatabase` in a helper process. @param what names the copy in the progress */
export const copyByHelper = async (
  what: string,
  from: string,
  to: string,
  check: Check,
  helper: Helper,
  state: State = 'at rest',
): Promise<FileCheck> => {
  const { size } = statSync(from)
  let readBefore: number | undefined
  const inspected = (await runHelper(helper, ['copy', from, to, state, check], read => {
    const copied = sizeOf(to)
    if (readBefore === undefined) helper.onProgress(what, copied, size)
    if (copied < size) return
    readBefore ??= read
    helper.onProgress(`checking ${what}`, Math.min(read - readBefore, size), size)
  })) as FileCheck
  if (inspected.unchecked.length > 0) helper.onUnchecked(from, inspected.unchecked)
  return inspected
}

/** The same, without a helper where that is quick. */
export const copyQuickly = async (...given: Parameters<typeof copyByHelper>): Promise<FileCheck> => {
  const [, from, to, check, helper] = given
  const inspected = await copyHere(from, to, check)
  if (inspected === undefined) return copyByHelper(...given)
  if (inspected.unchecked.length > 0) helper.onUnchecked(from, inspected.unchecked)
  return inspected
}
