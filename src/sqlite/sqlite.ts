import { dirname } from 'node:path'
import type { Config } from '../config.ts'
import { type Context, patienceOf } from '../context.ts'
import { createProgress } from '../text.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { probeFolder } from '../volume/volume.ts'
import type { Check } from './check.ts'
import { type Connection, closeUnlessDamaged, openDatabase, withTransaction } from './connect.ts'
import { toFailure } from './errors.ts'
import { type Helper, refuseFalseLocks } from './helper.ts'

/**
 * Tries out what a run that writes needs of the volume, and of where the ready marker is. Called under the write lock.
 * @throws Failure FILESYSTEM_UNSUITABLE, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE, DISK_FULL
 */
export const tryVolume = async (context: Context, connection: Connection): Promise<void> => {
  const { readyFile, volume } = context.config
  for (const folder of new Set([volume, dirname(readyFile)])) probeFolder(folder)
  await distrustLocks(context, connection)
}

/** Over a network or by FUSE, locks may be for show, and the shared memory that WAL needs may not be shared. */
export const distrustLocks = async (context: Context, connection: Connection): Promise<void> => {
  const { config, host, log } = context
  const { volume } = config
  const { name, kind } = filesystemOf(host.mounts, dirname(connection.name))
  if (kind !== 'shared') return
  await refuseFalseLocks(connection.name, name, helperOf(context))
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
  context: Context,
  path: string,
  work: (connection: Connection, commit: () => Promise<void>) => Promise<T>,
): Promise<T> => {
  const connection = openDatabase(path)
  try {
    const result = await withTransaction(connection, patienceOf(context), async commit => {
      await distrustLocks(context, connection)
      return work(connection, commit)
    })
    connection.close()
    return result
  } catch (error) {
    const failure = toFailure(error, path)
    closeUnlessDamaged(connection, failure)
    throw failure
  }
}

/** How this run starts a helper process, and shows how far that is. */
export const helperOf = ({ command, log, signal }: Context): Helper => ({
  command,
  signal,
  onProgress: createProgress(log, 'bytes'),
})

/** How a whole database is read for damage, where it is read. */
export const checkOf = ({ check }: Config): Check => (check === 'always' ? 'integrity_check' : 'quick_check')
