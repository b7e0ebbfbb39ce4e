import { basename, dirname, join } from 'node:path'
import { now } from '../clock.ts'
import type { Context } from '../context.ts'
import type { DatabaseFile, TableSize, Transaction } from '../engine.ts'
import { attempt, must, reasonOf } from '../failure.ts'
import { existsSync, rmdirSync, statSync, writeFileSync } from '../fs.ts'
import { readSmallFile } from '../small-file.ts'
import { formatBytes } from '../text.ts'
import { isFolder, removeFile, sizeOf, syncFolder } from '../volume/files.ts'
import { removePartialFolders } from '../volume/folders.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { type Need, requireSpace } from '../volume/space.ts'
import { refuseUnwritable } from '../volume/volume.ts'
import { backupFolder, listBackups } from './backups.ts'
import { backUp, pruneBackups, removeBackup, schemaWord } from './make.ts'

type RunFacts = Readonly<{
  /** the database is empty */
  isNew: boolean
  /** the last applied migration */
  head: string
  /** when the database was last checked for damage, ISO 8601; null if never */
  lastChecked: string | null
  /** of the migrations that will run */
  texts: readonly string[]
}>

/**
 * Requires space, checks the database (or its backup, which is identical) for damage, and runs `work`, which changes it
 * under its write lock. Until keepBackup the backup is the run's own, and is removed if `work` fails.
 * @param work gets the backup's path; undefined if none is made
 * @returns what `work` returned, and when the database was last checked, ISO 8601; null if never
 * @throws Failure DISK_FULL, DATABASE_DAMAGED; what `work` throws
 */
export const withSafetyBackup = async <T>(
  context: Context,
  transaction: Transaction,
  { isNew, head, lastChecked, texts }: RunFacts,
  work: (backup: string | undefined) => Promise<T>,
): Promise<Readonly<{ value: T; checkedAt: string | null }>> => {
  const { config, engine } = context
  const file = must(engine.file)
  const { database, readyFile, volume } = config
  const backsUp = config.backup === 'auto' && !isNew
  await dropStaleBackup(context, file, head)
  if (backsUp) refuseClosedFolder(context)
  removePartialFolders(backupFolder(database), database, true)
  requireSpace([
    ...(backsUp ? [spaceForBackup(context)] : []),
    ...(await transaction.spaceFor(texts)).map(space => ({ ...space, folder: volume })),
    spaceForJournal(volume),
    spaceForMarker(dirname(readyFile)),
  ])
  if (!backsUp) {
    const checkedAt = isNew ? new Date().toISOString() : await checkDamage(context, lastChecked)
    return { value: await work(undefined), checkedAt }
  }
  const backup = await makeBackup(context, file, head, await transaction.rows())
  markUnfinished(database, backup)
  try {
    return { checkedAt: new Date().toISOString(), value: await work(backup) }
  } catch (error) {
    // a failing disk may not have rolled back either
    if (!engine.isUncertain(error)) drop(context, head)
    throw error
  }
}

/** Checks the database first: the killed run's backup may be the only good copy. */
const dropStaleBackup = async (context: Context, file: DatabaseFile, head: string): Promise<void> => {
  if (!hasUnfinished(file.path)) return
  await file.requireSound()
  drop(context, head)
}

/** Logs the removal, since the log announced the backup. */
const drop = ({ config, log }: Context, schema: string): void => {
  const file = dropUnfinished(config.database, schema)
  if (file === undefined) return
  log.info('backup.dropped', `removed ${file}: the run failed, and the database is as it was`, { file })
}

/**
 * Checks the database for damage, unless that is switched off. Does not block writers in WAL mode.
 * @param lastChecked ISO 8601; null if never
 * @returns when it was last checked, ISO 8601; null if never
 * @throws Failure DATABASE_DAMAGED
 */
export const checkDamage = async ({ config, engine }: Context, lastChecked: string | null): Promise<string | null> => {
  if (config.check === 'never' || engine.file === undefined) return lastChecked
  await engine.file.requireSound()
  return new Date().toISOString()
}

/** The run succeeded: its backup becomes a lasting one. */
export const keepBackup = (context: Context): void =>
  pruneOrSay(context, () => finishBackup(context.config.database, context.config.backupKeep))

/** A run that succeeded does not fail because an old backup cannot be removed. */
const pruneOrSay = ({ config, log }: Context, prune: () => void): void => {
  const outcome = attempt(prune)
  if ('error' in outcome) {
    log.warn(
      'backup.kept',
      `old backups in ${backupFolder(config.database)} could not be removed: ${reasonOf(outcome.error)}`,
    )
  }
}

/** The backup of the command `backup`: it is a lasting one at once, and older ones are pruned. @returns its path */
export const makeLastingBackup = async (context: Context, file: DatabaseFile, head: string): Promise<string> => {
  const { config } = context
  refuseClosedFolder(context)
  removePartialFolders(backupFolder(config.database), config.database, false)
  requireSpace([spaceForBackup(context)])
  const backup = await makeBackup(context, file, head, undefined)
  syncFolder(dirname(backup))
  pruneOrSay(context, () => pruneBackups(config.database, config.backupKeep))
  return backup
}

/** A separate volume for the backups belongs to root if a container engine makes it. */
const refuseClosedFolder = ({ config, host }: Context): void => {
  const folder = backupFolder(config.database)
  if (isFolder(folder)) refuseUnwritable(`folder of the backups ${folder}`, folder, host)
}

/** Calls `backUp` and logs it. */
const makeBackup = async (
  { log }: Context,
  database: DatabaseFile,
  head: string,
  rows: readonly TableSize[] | undefined,
): Promise<string> => {
  const start = now()
  const file = await backUp(database, { schema: head, rows })
  const [bytes, milliseconds] = [statSync(file).size, Math.round(now() - start)]
  log.info('backup.made', `backed up ${formatBytes(bytes)} to ${file} in ${milliseconds} ms`, {
    file,
    bytes,
    milliseconds,
  })
  return file
}

// A run's own backup is removed if the run fails or is killed: the database is then what the backup is, and a container
// that restarts again and again would otherwise push every older backup out. A mark beside the backups names it.

/** The path of the mark. It has the database's name in it, since a folder may hold the backups of several databases. */
const markOf = (database: string): string => join(backupFolder(database), `.${basename(database)}.unfinished`)

/** Marks a backup as that of an unfinished run. A mark that a power cut empties names none, and the backup stays. */
export const markUnfinished = (database: string, file: string): void => {
  removeFile(markOf(database))
  writeFileSync(markOf(database), `${basename(file)}\n`, { flag: 'wx' })
  syncFolder(dirname(file))
}

/** The file name of an unfinished run's backup; undefined without one. */
export const unfinishedBackup = (database: string): string | undefined =>
  hasUnfinished(database) ? String(readSmallFile(markOf(database), 4096)).trim() : undefined

/** Whether the last run that made a backup has not succeeded. */
export const hasUnfinished = (database: string): boolean => existsSync(markOf(database))

/**
 * Removes the backup of a run that failed, or was killed before its commit. Check first that the database is sound.
 * @returns the backup that was removed; undefined if there was none
 * @param schema of the database: a backup of another schema is of a run that was killed after its commit, and stays
 */
export const dropUnfinished = (database: string, schema: string): string | undefined => {
  const name = unfinishedBackup(database)
  if (name === undefined) return undefined
  const found = listBackups(database).find(({ file }) => basename(file) === name)
  const isOfRun = found?.schema === schemaWord(schema)
  if (isOfRun) removeBackup(found.file)
  removeFile(markOf(database))
  // a folder that is not empty stays, and so does a link
  attempt(() => rmdirSync(backupFolder(database)))
  return isOfRun ? found.file : undefined
}

/** The database was replaced: a killed run's backup becomes a lasting one, so that the next run does not remove it. */
export const keepUnfinished = (database: string): void => {
  if (!hasUnfinished(database)) return
  removeFile(markOf(database))
  syncFolder(backupFolder(database))
}

/** The run succeeded: its backup becomes a lasting one, and all but the newest `keep` are removed. */
export const finishBackup = (database: string, keep: number): void => {
  if (!hasUnfinished(database)) return
  removeFile(markOf(database))
  pruneBackups(database, keep)
}

/** -wal and -shm, or -journal, of a run that writes next to nothing. */
const spaceForJournal = (folder: string): Need => ({ what: 'journal', folder, bytes: 256 * 1024, files: 3 })

/** The marker and its temporary file. */
const spaceForMarker = (folder: string): Need => ({ what: 'ready marker', folder, bytes: 8 * 1024, files: 2 })

/** 0 bytes if the filesystem clones. If it does copy, the disk fills up and that is reported. */
const spaceForBackup = ({ config, host }: Context): Need => {
  const { database, volume } = config
  const folder = isFolder(backupFolder(database)) ? backupFolder(database) : volume
  const isOneFilesystem = statSync(folder).dev === statSync(volume).dev
  const { clones } = filesystemOf(host.mounts, folder)
  // the folders, the copy and its WAL, and the mark of an unfinished run
  return {
    what: 'backup',
    folder,
    bytes: isOneFilesystem && clones ? 0 : sizeOf(database) + sizeOf(`${database}-wal`),
    files: 6,
  }
}
