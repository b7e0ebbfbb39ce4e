import { dirname } from 'node:path'
import type { Migratable, Transaction } from '../engine.ts'
import { historyTable, wasAdopted } from '../history.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { probeFolderOf } from '../volume/volume.ts'
import { createHandle } from './bridge/handle.ts'
import { connectHandle } from './bridge/sequelize.ts'
import { type Connection, closeUnlessDamaged, openDatabase, withTransaction } from './connect.ts'
import { makeSafe } from './editor/editor.ts'
import { isOfEngine, toFailure } from './errors.ts'
import { flushCommitted } from './file.ts'
import { helperOf, refuseFalseLocks } from './helper.ts'
import { readHistory } from './history.ts'
import { withKeyActions } from './key-actions.ts'
import { readerOf, type SqliteReader } from './reader.ts'
import { refusalOf } from './refused.ts'
import { openLedger } from './rows/ledger.ts'
import { requireSpaceToCommit, spaceForRewrites } from './space.ts'
import { patienceOf, type Surroundings } from './sqlite.ts'
import { keepHistory, prepareHistory, recordApplied, removeApplied } from './write-history.ts'

export type SqliteTransaction = Transaction & SqliteReader

/** What migrations are run on: a connection inside a transaction. */
export const migratableOn = (connection: Connection): Migratable & SqliteReader => {
  const handle = createHandle(connection)
  return {
    ...readerOf(connection),
    prepareHistory: async known => prepareHistory(connection, known),
    record: async migration => recordApplied(connection, migration),
    unrecord: async name => removeApplied(connection, name),
    editor: (hook, onProgress) =>
      makeSafe(connection, connectHandle(handle, withKeyActions(connection, hook)).getQueryInterface(), {
        onProgress,
        isAdopted: () => wasAdopted(readHistory(connection)),
      }),
    keeper: () => keepHistory(connection),
    ledger: async backup => openLedger(connection, { history: historyTable, backup }),
    refuseUnfinished: handle.refuseUnfinished,
    refusal: refusalOf,
    explain: error => (isOfEngine(error) ? toFailure(error, connection.name) : error),
  }
}

/** What can be done on a connection that has the write lock of its database. */
export const transactionOf = (
  surroundings: Surroundings,
  connection: Connection,
  commit: () => Promise<void>,
): SqliteTransaction => {
  const { host } = surroundings
  const folder = dirname(connection.name)
  return {
    ...migratableOn(connection),
    probe: async () => {
      probeFolderOf(connection.name)
      await distrustLocks(surroundings, connection)
    },
    flushCommitted: async () => flushCommitted(connection.name),
    spaceFor: async texts => spaceForRewrites(connection, texts),
    commit: async () => {
      requireSpaceToCommit(connection, filesystemOf(host.mounts, folder).clones)
      await commit()
    },
  }
}

/** Over a network or by FUSE, locks may be for show, and the shared memory that WAL needs may not be shared. */
const distrustLocks = async (surroundings: Surroundings, connection: Connection): Promise<void> => {
  const { config, host, log } = surroundings
  const { volume } = config
  const { name, kind } = filesystemOf(host.mounts, dirname(connection.name))
  if (kind !== 'shared') return
  await refuseFalseLocks(connection.name, name, helperOf(surroundings))
  const isWal = connection.pragma('journal_mode', { simple: true }) === 'wal'
  const advice = isWal
    ? 'its database is in WAL mode, which is safe there only while one host uses it: run "PRAGMA journal_mode = DELETE" on it'
    : 'locks hold there now; its database has a rollback journal instead of a WAL'
  log.warn('volume.shared', `data directory ${volume} is on ${name}: ${advice}. A local disk is safer.`, {
    filesystem: name,
  })
}

/**
 * Opens a database, lets `work` have it under its write lock, in one transaction, and closes it. Whether there is one is to be
 * looked at before: where there is none, an empty one is made.
 * @throws what `work` throws, after ROLLBACK; Failure FILESYSTEM_UNSUITABLE where the lock does not hold; what SQLite's own errors
 *   mean
 */
export const withDatabase = async <T>(
  surroundings: Surroundings,
  path: string,
  work: (transaction: SqliteTransaction) => Promise<T>,
): Promise<T> => {
  const connection = openDatabase(path)
  try {
    const result = await withTransaction(connection, patienceOf(surroundings), async commit => {
      await distrustLocks(surroundings, connection)
      return work(transactionOf(surroundings, connection, commit))
    })
    connection.close()
    return result
  } catch (error) {
    const failure = toFailure(error, path)
    closeUnlessDamaged(connection, failure)
    throw failure
  }
}
