import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { backUp } from '../database/back-up.ts'
import { backupFolder } from '../database/backups.ts'
import { checkDatabase } from '../database/check-database.ts'
import { countTables } from '../database/count-tables.ts'
import type { Helper } from '../database/helper.ts'
import { refuseFalseLocks } from '../database/lock-probe.ts'
import type { Connection } from '../database/open.ts'
import { formatBytes } from '../for-people.ts'
import type { MigrationText } from '../migrations/files.ts'
import { rewrittenTables, sizeOfTable } from '../migrations/rewrites.ts'
import type { Marker } from '../ready/marker.ts'
import { filesystemOf } from '../volume/filesystem.ts'
import { probeFolder } from '../volume/probe-folder.ts'
import { type Need, refuseShortRoom } from '../volume/room.ts'
import type { Context } from './context.ts'
import { checkOf, helperOf } from './helper-of.ts'

export type Found = Readonly<{
  /** nothing is in the database yet */
  isNew: boolean
  /** the last applied migration */
  schema: string
  marker: Marker | undefined
  pending: readonly MigrationText[]
}>

/**
 * What is done under the write lock before anything is touched: the filesystem is tried out, the room is counted, and the
 * database is read for damage: itself, or its backup, which is the same.
 * @returns when the database was last checked, ISO 8601
 * @throws Failure FILESYSTEM_UNSUITABLE, VOLUME_READ_ONLY, VOLUME_NOT_WRITABLE, DISK_FULL, DATABASE_DAMAGED
 */
export const protect = async (context: Context, connection: Connection, found: Found): Promise<string | null> => {
  const { config } = context
  const { database, volume } = config
  const { isNew, marker, pending, schema } = found
  const helper = helperOf(context)
  probeFolder(volume)
  await distrustLocks(context, connection, helper)
  const backsUp = config.backup === 'auto' && pending.length > 0 && !isNew
  refuseShortRoom([
    ...(backsUp ? [roomForBackup(database)] : []),
    ...roomForRewrites(connection, volume, pending),
    { what: 'journal and marker', folder: volume, bytes: smallThings.bytes, files: smallThings.files },
  ])
  const check = checkOf(config)
  if (backsUp) {
    const options = { schema, check, keep: config.backupKeep, rows: countTables(connection) } as const
    await makeBackup(context, options, helper)
  } else if (config.check === 'never') return marker?.checkedAt ?? null
  else if (!isNew) await checkDatabase(database, check, helper)
  return new Date().toISOString()
}

/** `backUp`, and a line that says so. */
export const makeBackup = async (
  { config, log }: Context,
  options: Parameters<typeof backUp>[1],
  helper: Helper,
): Promise<string> => {
  const start = performance.now()
  const file = await backUp(config.database, options, helper)
  const [bytes, milliseconds] = [statSync(file).size, Math.round(performance.now() - start)]
  log.info('backup.made', `backed up ${formatBytes(bytes)} to ${file} in ${milliseconds} ms`, {
    file,
    bytes,
    milliseconds,
  })
  return file
}

/** What any run writes: -wal and -shm, or -journal, the marker and its temporary file. */
const smallThings = { bytes: 256 * 1024, files: 6 }

export const roomForBackup = (database: string): Need => {
  const [folder, bytes] = [backupFolder(database), sizeOf(database) + sizeOf(`${database}-wal`)]
  // the folders, the copy and its WAL
  return { what: 'backup', folder: existsSync(folder) ? folder : dirname(database), bytes, files: 4 }
}

/** A table written anew is there twice until it is committed, and once more in the journal or the WAL. */
const roomForRewrites = (
  connection: Connection,
  folder: string,
  pending: readonly MigrationText[],
): readonly Need[] => {
  const tables = rewrittenTables(pending).map(table => ({ table, bytes: sizeOfTable(connection, table) }))
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
  return [
    ...tables.map(({ table, bytes }) => ({ what: `rebuild of ${table ?? 'a table'}`, folder, bytes, files: 0 })),
    { what: 'its journal', folder, bytes, files: 0 },
  ]
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Over a network or by FUSE, locks may be for show, and the shared memory that WAL needs may not be shared. */
const distrustLocks = async ({ config, host, log }: Context, connection: Connection, helper: Helper): Promise<void> => {
  const { database, volume } = config
  const { name, kind } = filesystemOf(host.mounts, volume)
  if (kind !== 'shared') return
  await refuseFalseLocks(database, name, helper)
  const isWal = connection.pragma('journal_mode', { simple: true }) === 'wal'
  const advice = isWal
    ? 'its database is in WAL mode, which is safe there only while one host uses it: run "PRAGMA journal_mode = DELETE" on it'
    : 'locks hold there now; its database has a rollback journal instead of a WAL'
  log.warn('volume.shared', `data directory ${volume} is on ${name}: ${advice}. A local disk is safer.`, {
    filesystem: name,
  })
}
