import { dirname } from 'node:path'
import { refuseFalseLocks } from '../database/lock-probe.ts'
import type { Connection } from '../database/open.ts'
import { filesystemOf } from '../volume/filesystem.ts'
import { probeFolder } from '../volume/probe-folder.ts'
import type { Context } from './context.ts'
import { helperOf } from './helper-of.ts'

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
