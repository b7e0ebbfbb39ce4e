import { basename, dirname, join, parse } from 'node:path'
import type { DatabaseFile, TableSize } from '../engine.ts'
import { attempt, Failure } from '../failure.ts'
import { lstatSync, mkdirSync, rmdirSync } from '../fs.ts'
import { isFolder, removeFile, renameToFree, sameOwner, syncFolder, utcStamp } from '../volume/files.ts'
import { withPartialFolder } from '../volume/folders.ts'
import { databaseFiles } from '../volume/volume.ts'
import { backupFolder, listBackups } from './backups.ts'

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
 * @returns the backup's path, which is durable once the folder is flushed
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
    return giveName(partial, folder, database.path, schema)
  })

/** Another run may have made a backup in the same second. */
const giveName = (partial: string, folder: string, database: string, schema: string, seconds = 0): string => {
  const file = join(folder, nextBackupName(database, schema, seconds))
  return renameToFree(partial, file) ? file : giveName(partial, folder, database, schema, seconds + 1)
}

const isSame = (rows: readonly TableSize[], expected: readonly TableSize[] | undefined): boolean =>
  expected === undefined || JSON.stringify(rows) === JSON.stringify(expected)

/**
 * The name of a backup made now: `homelab--0003-add-os-info-20260118T100000Z.db`. It has schema and time in it, so
 * copying it elsewhere and back loses neither. No schema contains `--`, so a name belongs to one database only.
 * Timestamps only increase, whatever the clock says, so the newest backup is the last one made.
 * @param schema the last applied migration, under any name; an empty text for none
 * @param seconds added to the first free time, if something else has that name
 */
export const nextBackupName = (database: string, schema: string, seconds: number): string => {
  const newest = Date.parse(listBackups(database).at(-1)?.madeAt ?? '')
  const time = Math.max(Date.now(), Number.isNaN(newest) ? 0 : newest + 1000) + seconds * 1000
  const { name, ext } = parse(database)
  return `${name}--${schemaWord(schema)}-${utcStamp(time)}${ext}`
}

/** Turns any text of the history into a file name: a digit first, and single dashes as the only punctuation. */
export const schemaWord = (schema: string): string => {
  const word = schema
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  if (word === '') return 'empty'
  return /^\d/.test(word) ? word : `0-${word}`
}

const badCopy = (folder: string): Failure =>
  new Failure(
    'DISK_FULL',
    `the backup in ${folder} is not the same as the database: the disk is failing`,
    'Move the volume to another disk. The database was left as it is.',
  )
