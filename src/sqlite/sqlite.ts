import { dirname } from 'node:path'
import type { Config } from '../config.ts'
import type { DatabaseFile, Engine, Session } from '../engine.ts'
import { attempt } from '../failure.ts'
import { statSync } from '../fs.ts'
import type { Log } from '../log.ts'
import { removeFile, shareWithGroup, sizeOf } from '../volume/files.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { type Host, requireFolder, requireVolume } from '../volume/volume.ts'
import {
  type Connection,
  closeUnlessDamaged,
  openDatabase,
  type Patience,
  whenFree,
  withTransaction,
} from './connect.ts'
import { sqliteCode, toFailure } from './errors.ts'
import { hasHotJournal, journalMode, preflight, sizeWithJournals, wasWalRecovered } from './file.ts'
import { readerOf, type SqliteReader, wrongSize } from './reader.ts'

/** The environment of an engine: settings, log, host, and how to stop it. */
export type Surroundings = Readonly<{
  config: Config
  log: Log
  host: Host
  /** aborts a wait or kills a helper process; its reason is thrown */
  signal: AbortSignal
  /** the command line of helper processes: Node and the main script */
  command: readonly [string, string]
  /** whether nothing else in this process may have the database open, as a hub's connection */
  isAlone?: boolean
}>

export type SqliteEngine = Engine<SqliteReader> & Readonly<{ file: DatabaseFile }>

/** The engine on a database file. All that a run with nothing to do does not need is imported lazily, to keep that run fast. */
export const createSqlite = (surroundings: Surroundings): SqliteEngine => {
  const { config, host } = surroundings
  const path = config.database
  const patience = patienceOf(surroundings)
  return {
    name: path,
    validate: async access => {
      if (access === 'read') return requireFolder(config.volume, host)
      requireVolume(config, host)
      warnOfMemory(surroundings)
    },
    preflight: async () => preflight(path, surroundings.isAlone === true),
    open: async () => {
      const isNew = statSync(path, { throwIfNoEntry: false }) === undefined
      const wasKilled = hasHotJournal(path)
      return sessionOf(surroundings, openDatabase(path), { isNew, wasKilled })
    },
    read: async (whenBusy, work) => {
      if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined
      const { readOnly } = await import('./read-only.ts')
      const read = () => readOnly(path, connection => work(readerOf(connection)))
      return whenBusy === 'wait' ? whenFree(read, patience) : read()
    },
    explain: error => toFailure(error, path),
    isUncertain: error => /^SQLITE_IOERR/.test(String(sqliteCode(error))),
    server: undefined,
    file: {
      path,
      journalMode: () => (sizeOf(path) === 0 ? null : journalMode(path)),
      bytes: () => sizeWithJournals(path),
      requireSound: async () => {
        const [{ checkOf, requireSound }, { helperOf }] = await Promise.all([
          import('./check.ts'),
          import('./helper.ts'),
        ])
        await requireSound(path, checkOf(config), helperOf(surroundings))
      },
      copyTo: async copy => {
        const [{ checkOf }, { copyByHelper, copyQuickly }, { helperOf }] = await Promise.all([
          import('./check.ts'),
          import('./copy.ts'),
          import('./helper.ts'),
        ])
        // a hub may not stand still meanwhile
        const copyFile = surroundings.isAlone ? copyQuickly : copyByHelper
        return copyFile('the backup', path, copy, checkOf(config), helperOf(surroundings), 'open')
      },
    },
  }
}

/** How long to wait for another writer, and what to log when the wait starts. */
export const patienceOf = (surroundings: Surroundings): Patience => ({
  lockTimeout: surroundings.config.lockTimeout,
  get signal() {
    return surroundings.signal
  },
  onWait: () => {
    const { config, log } = surroundings
    const { database, lockTimeout } = config
    log.info('lock.waiting', `waiting up to ${lockTimeout} s for another writer of ${database}`, {
      database,
      lockTimeout,
    })
  },
})

const warnOfMemory = ({ config: { volume }, host, log }: Surroundings): void => {
  const { name, kind } = filesystemOf(host.mounts, volume)
  if (kind !== 'memory') return
  const warning = `data directory ${volume} is on ${name}: everything in it is lost with the container`
  log.warn('volume.memory', warning, { filesystem: name })
}

/** Observed before the file was opened: opening it creates a missing file and rolls back a hot journal. */
type Opened = Readonly<{ isNew: boolean; wasKilled: boolean }>

const sessionOf = (surroundings: Surroundings, connection: Connection, { isNew, wasKilled }: Opened): Session => {
  const patience = patienceOf(surroundings)
  const path = connection.name
  return {
    ...readerOf(connection),
    isSuspect: async () => wasKilled || wrongSize(path, connection).length > 0 || wasWalRecovered(path),
    snapshot: work => whenFree(() => inSnapshot(connection, work), patience),
    transaction: (work, signal = surroundings.signal) =>
      withTransaction(connection, { ...patience, signal }, async commit => {
        const { transactionOf } = await import('./transaction.ts')
        return work(transactionOf(surroundings, connection, commit))
      }),
    handOver: async () => {
      shareWithGroup(path)
      if (filesystemOf(surroundings.host.mounts, dirname(path)).kind === 'shared') return
      // the folder is flushed before the marker is written
      connection.pragma('synchronous = FULL')
      await whenFree(() => connection.pragma('journal_mode = WAL'), patience)
    },
    close: async failure => {
      if (isNew && failure !== undefined) removeIfEmpty(connection)
      closeUnlessDamaged(connection, failure)
    },
  }
}

const inSnapshot = async <T>(connection: Connection, work: () => Promise<T>): Promise<T> => {
  connection.exec('BEGIN')
  try {
    return await work()
  } finally {
    if (connection.inTransaction) connection.exec('ROLLBACK')
  }
}

/**
 * Removes the empty file of a first run that failed. Takes the write lock, so that no other run is about to fill it; a run
 * that waited for the lock notices that the file is gone (withTransaction).
 */
const removeIfEmpty = (connection: Connection): void => {
  const remove = connection.transaction(() => {
    if (statSync(connection.name).size === 0) removeFile(connection.name)
  })
  // if it is busy, another run has it and will fill or remove it
  attempt(() => remove.immediate())
}
