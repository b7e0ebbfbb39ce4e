import { dirname } from 'node:path'
import type { Migratable, Transaction } from '../engine.ts'
import { createGuard } from '../migrations/guard.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { probeFolderOf } from '../volume/volume.ts'
import { type Connection, closeUnlessDamaged, openDatabase, withTransaction } from './connect.ts'
import { makeSafe } from './editor/editor.ts'
import { sqliteCode, toFailure } from './errors.ts'
import { flushCommitted } from './file.ts'
import { helperOf, refuseFalseLocks } from './helper.ts'
import { prepareHistory, recordApplied, removeApplied } from './history.ts'
import { readerOf, type SqliteReader } from './reader.ts'
import { connectSequelize, keywordOf } from './sequelize.ts'
import { requireSpaceToCommit, spaceForRewrites } from './space.ts'
import { patienceOf, type Surroundings } from './sqlite.ts'

export type SqliteTransaction = Transaction & SqliteReader

/** What migrations are run on: a connection inside a transaction. */
export const migratableOn = (connection: Connection): Migratable & SqliteReader => ({
  ...readerOf(connection),
  prepareHistory: async known => prepareHistory(connection, known),
  record: async migration => recordApplied(connection, migration),
  unrecord: async name => removeApplied(connection, name),
  editor: (hook, onProgress) => makeSafe(connectSequelize(connection, hook).getQueryInterface(), onProgress),
  guard: async () => createGuard(connection),
  refusal: refusalOf,
  // what is wrong with its SQL is the migration's fault, and no damage
  explain: error => (/^SQLITE_ERROR/.test(String(sqliteCode(error))) ? error : toFailure(error, connection.name)),
})

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

/** What a migration has no business with: other files, and the switches that this program has set around it. */
const refusalOf = (sql: string): string | undefined => {
  const keyword = keywordOf(sql)
  if (keyword === 'ATTACH' || keyword === 'DETACH') return `${keyword} is not for migrations: ${sql}`
  if (keyword !== 'PRAGMA') return undefined
  const setting = /\b(foreign_keys|writable_schema|journal_mode|locking_mode)\s*[=(]/i.exec(sql)?.[1]
  return setting && `PRAGMA ${setting} is not for migrations: the migrator sets it around them`
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
