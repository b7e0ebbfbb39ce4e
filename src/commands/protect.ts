import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt } from '../attempt.ts'
import { backUp, pruneBackups } from '../database/back-up.ts'
import { backupFolder } from '../database/backups.ts'
import { checkDatabase } from '../database/check-database.ts'
import { countTables, type TableSize } from '../database/count-tables.ts'
import type { Connection } from '../database/open.ts'
import { sqliteCode } from '../database/sqlite-failure.ts'
import { dropUnfinished, finishBackup, hasUnfinished, markUnfinished } from '../database/unfinished-backup.ts'
import { formatBytes } from '../for-people.ts'
import type { MigrationText } from '../migrations/files.ts'
import { reasonOf } from '../migrations/reason.ts'
import type { Marker } from '../ready/marker.ts'
import { removePartialFolders } from '../volume/partial-folder.ts'
import { refuseShortRoom } from '../volume/room.ts'
import type { Context } from './context.ts'
import { checkOf, helperOf } from './helper-of.ts'
import { roomForBackup, roomForJournal, roomForMarker, roomForRewrites } from './room-for-run.ts'

export type Found = Readonly<{
  /** nothing is in the database yet */
  isNew: boolean
  /** the last applied migration */
  schema: string
  marker: Marker | undefined
  /** the migrations that will run */
  texts: readonly MigrationText[]
}>

/**
 * Runs `work`, which changes the database under its write lock, once the room for it is counted and the database is read for
 * damage: itself, or its backup, which is the same. That backup is the run's own until settleBackup: where `work` fails it goes.
 * @returns what `work` gave, and when the database was last checked, ISO 8601; null if never
 * @throws Failure DISK_FULL, DATABASE_DAMAGED; what `work` throws
 */
export const protect = async <T>(
  context: Context,
  connection: Connection,
  { isNew, schema, marker, texts }: Found,
  work: () => Promise<T>,
): Promise<Readonly<{ value: T; checkedAt: string | null }>> => {
  const { config } = context
  const { database, readyFile, volume } = config
  const backsUp = config.backup === 'auto' && !isNew
  await dropOfKilledRun(context, schema)
  removePartialFolders(backupFolder(database), true)
  refuseShortRoom([
    ...(backsUp ? [roomForBackup(context)] : []),
    ...roomForRewrites(connection, volume, texts),
    roomForJournal(volume),
    roomForMarker(dirname(readyFile)),
  ])
  if (!backsUp) {
    const checkedAt = isNew ? now() : await checkDamage(context, marker)
    return { value: await work(), checkedAt }
  }
  markUnfinished(database, await makeBackup(context, schema, countTables(connection)))
  const checkedAt = now()
  try {
    return { value: await work(), checkedAt }
  } catch (error) {
    // a disk that fails may not roll back either
    if (!/^SQLITE_IOERR/.test(String(sqliteCode(error)))) dropUnfinished(database, schema)
    throw error
  }
}

const now = (): string => new Date().toISOString()

/** Its backup may be the only good one: first the database is read. */
const dropOfKilledRun = async (context: Context, schema: string): Promise<void> => {
  const { config } = context
  if (!hasUnfinished(config.database)) return
  await checkDatabase(config.database, checkOf(config), helperOf(context))
  dropUnfinished(config.database, schema)
}

/**
 * Reads the database for damage, unless that is switched off. Holds up no writer in WAL mode.
 * @param marker which says when it was last checked
 * @returns when it was last checked, ISO 8601; null if never
 * @throws Failure DATABASE_DAMAGED
 */
export const checkDamage = async (context: Context, marker: Marker | undefined): Promise<string | null> => {
  const { config } = context
  if (config.check === 'never') return marker?.checkedAt ?? null
  await checkDatabase(config.database, checkOf(config), helperOf(context))
  return now()
}

/** The run has ended well: its backup counts. An old one that cannot be removed is no failure of it. */
export const settleBackup = ({ config, log }: Context): void => {
  const outcome = attempt(() => finishBackup(config.database, config.backupKeep))
  if ('error' in outcome) {
    log.warn('backup.kept', `old backups stay in ${backupFolder(config.database)}: ${reasonOf(outcome.error)}`)
  }
}

/** `backup` of a person: it counts at once, and older ones go. */
export const makeLastingBackup = async (context: Context, schema: string): Promise<string> => {
  const { config } = context
  removePartialFolders(backupFolder(config.database), false)
  refuseShortRoom([roomForBackup(context)])
  const file = await makeBackup(context, schema, undefined)
  pruneBackups(config.database, config.backupKeep)
  return file
}

/** `backUp`, and a line that says so. */
const makeBackup = async (
  context: Context,
  schema: string,
  rows: readonly TableSize[] | undefined,
): Promise<string> => {
  const { config, log } = context
  const start = performance.now()
  const file = await backUp(config.database, { schema, check: checkOf(config), rows }, helperOf(context))
  const [bytes, milliseconds] = [statSync(file).size, Math.round(performance.now() - start)]
  log.info('backup.made', `backed up ${formatBytes(bytes)} to ${file} in ${milliseconds} ms`, {
    file,
    bytes,
    milliseconds,
  })
  return file
}
