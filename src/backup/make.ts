import { lstatSync, mkdirSync, rmdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DatabaseFile, TableSize } from '../engine.ts'
import { attempt, Failure } from '../failure.ts'
import { isFolder, removeFile, renameToFree, sameOwner, syncFolder } from '../volume/files.ts'
import { withPartialFolder } from '../volume/folders.ts'
import { databaseFiles } from '../volume/volume.ts'
import { backupFolder, listBackups, nextBackupName } from './backups.ts'

export type BackUpOptions = Readonly<{
  /** the last applied migration, for the backup's name; an empty text if there is none */
  schema: string
  /** rows that the copy must hold, if the caller has the write lock; undefined if others may write meanwhile */
  rows: readonly TableSize[] | undefined
}>

/**
 * Copies the database into the folder `backups` beside it. The caller holds the write lock on it, or a read
 * transaction. The copy gets its name only once it is complete, on disk and checked; its mode and owner are the
 * database's.
 * @returns the backup's path
 * @throws Failure DATABASE_DAMAGED if the database is damaged, DISK_FULL if only the copy is, CONFIG_INVALID if the
 *   folder is not one; SQLite's and the filesystem's errors. Leaves nothing behind
 */
export const backUp = async (file: DatabaseFile, options: BackUpOptions): Promise<string> => {
  const folder = backupFolder(file.path)
  const made = makeFolder(folder)
  try {
    return await makeIn(folder, file, options)
  } finally {
    // a first backup that fails leaves no empty folder
    if (made) attempt(() => rmdirSync(folder))
  }
}

/** Removes all but the newest `keep` backups, with any journals that SQLite left beside them. */
export const pruneBackups = (database: string, keep: number): void => {
  for (const { file } of listBackups(database).slice(0, -keep)) removeBackup(file)
}

export const removeBackup = (file: string): void => {
  for (const suffix of databaseFiles) removeFile(file + suffix)
}

/** @returns whether it made the folder */
const makeFolder = (folder: string): boolean => {
  if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
    mkdirSync(folder)
    sameOwner(folder, dirname(folder))
    syncFolder(dirname(folder))
    return true
  }
  if (isFolder(folder)) return false
  const hint = 'Make it a folder, or a link to one.'
  throw new Failure('CONFIG_INVALID', `${folder}, where backups go, is not a folder`, hint)
}

const makeIn = (folder: string, database: DatabaseFile, { schema, rows }: BackUpOptions): Promise<string> =>
  withPartialFolder(folder, database.path, async partials => {
    const partial = join(partials, basename(database.path))
    const copy = await database.copyTo(partial)
    // a damaged database makes a damaged copy: report the database then
    if (copy.findings.length > 0) await database.requireSound()
    if (copy.findings.length > 0 || !isSame(copy.rows, rows)) throw badCopy(folder)
    sameOwner(partial, database.path)
    const file = giveName(partial, folder, database.path, schema)
    syncFolder(folder)
    return file
  })

/** Another run may have made a backup in the same second. */
const giveName = (partial: string, folder: string, database: string, schema: string): string => {
  for (let seconds = 0; ; seconds += 1) {
    const file = join(folder, nextBackupName(database, schema, seconds))
    if (renameToFree(partial, file)) return file
  }
}

const isSame = (rows: readonly TableSize[], expected: readonly TableSize[] | undefined): boolean =>
  expected === undefined || JSON.stringify(rows) === JSON.stringify(expected)

const badCopy = (folder: string): Failure =>
  new Failure(
    'DISK_FULL',
    `the backup in ${folder} is not the same as the database: the disk is failing`,
    'Move the volume to another disk. The database was left as it is.',
  )
