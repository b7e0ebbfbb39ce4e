import { dirname } from 'node:path'
import type { Migratable, Transaction } from '../engine.ts'
import { historyTable, wasAdopted } from '../history.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { probeFolderOf } from '../volume/volume.ts'
import { createHandle } from './bridge/handle.ts'
import { compiledFor } from './compiled/compiled.ts'
import { type Connection, closeUnlessDamaged, openDatabase, withTransaction } from './connect.ts'
import { editorOfSql } from './editor/of-sql.ts'
import { isOfEngine, toFailure } from './errors.ts'
import { flushCommitted } from './file.ts'
import { helperOf, refuseFalseLocks } from './helper.ts'
import { readHistory } from './history.ts'
import { withKeyActions } from './key-actions.ts'
import { readerOf, type SqliteReader } from './reader.ts'
import { refusalOf, resetSettings } from './refused.ts'
import { openLedger } from './rows/ledger.ts'
import { requireSpaceToCommit, spaceForRewrites } from './space.ts'
import { patienceOf, type Surroundings } from './sqlite.ts'
import { keepHistory, prepareHistory, recordApplied, removeApplied } from './write-history.ts'

type SqliteTransaction = Transaction & SqliteReader

/** What migrations run on. @param connection is inside a transaction */
export const migratableOn = (connection: Connection): Migratable & SqliteReader => {
  const handle = createHandle(connection)
  return {
    ...readerOf(connection),
    prepareHistory: async (known, applied) => prepareHistory(connection, known, applied),
    record: async migration => recordApplied(connection, migration),
    unrecord: async name => removeApplied(connection, name),
    editor: async (hook, onProgress, isSql) => {
      const around = withKeyActions(connection, hook)
      if (isSql) return editorOfSql(handle, around)
      const [{ connectHandle }, { makeSafe }] = await Promise.all([
        import('./bridge/sequelize.ts'),
        import('./editor/editor.ts'),
      ])
      return makeSafe(connection, connectHandle(handle, around).getQueryInterface(), {
        onProgress,
        isAdopted: () => wasAdopted(readHistory(connection)),
      })
    },
    compiled: compiledFor,
    keeper: () => keepHistory(connection),
    ledger: async backup => openLedger(connection, { history: historyTable, backup }),
    refuseUnfinished: async () => {
      handle.refuseUnfinished()
      resetSettings(connection)
    },
    refusal: refusalOf,
    explain: error => (isOfEngine(error) ? toFailure(error, connection.name) : error),
  }
}

/** @param connection holds the write lock of its database */
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

/** On a network filesystem or FUSE, locks may not work, and the shared memory that WAL needs may not be shared. */
const distrustLocks = async (surroundings: Surroundings, connection: Connection): Promise<void> => {
  const { config, host, log } = surroundings
  const { volume } = config
  const { name, kind } = filesystemOf(host.mounts, dirname(connection.name))
  if (kind !== 'shared') return
  await refuseFalseLocks(connection.name, name, helperOf(surroundings))
  const isWal = connection.pragma('journal_mode', { simple: true }) === 'wal'
  const advice = isWal
    ? 'its database is in WAL mode, which is safe there only while one host uses it: run `PRAGMA journal_mode = DELETE` on it'
    : 'locks hold there now; its database has a rollback journal instead of a WAL'
  log.warn('volume.shared', `data directory ${volume} is on ${name}: ${advice}. A local disk is safer.`, {
    filesystem: name,
  })
}

/**
 * Opens a database, runs `work` in one transaction under the write lock, and closes it. A missing file is created empty: check
 * for it before.
 * @throws what `work` throws, after ROLLBACK; Failure FILESYSTEM_UNSUITABLE if the lock does not hold; SQLite's own errors as
 *   Failures (toFailure)
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
