import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { attempt } from '../attempt.ts'
import { Failure } from '../failure.ts'
import { freePath } from '../volume/free-path.ts'
import { withPartialFolder } from '../volume/partial-folder.ts'
import { syncFolder } from '../volume/replace-file.ts'
import { sameOwner } from '../volume/same-owner.ts'
import { backupFolder, backupName, listBackups } from './backups.ts'
import { checkDatabase } from './check-database.ts'
import { copyByHelper } from './copy.ts'
import type { TableSize } from './count-tables.ts'
import type { Helper } from './helper.ts'
import type { Check } from './inspect.ts'

export type BackUpOptions = Readonly<{
  /** the last applied migration, for the backup's name; an empty text when there is none */
  schema: string
  /** how the copy is read for damage */
  check: Check
  /** how many backups stay, this one included; at least 1 */
  keep: number
  /** what the copy must hold; undefined where somebody may write meanwhile */
  rows: readonly TableSize[] | undefined
}>

/**
 * Copies the database into `backups/<database>-<schema>-<UTC>.db`. The caller holds the write lock on it, or a read transaction.
 * The copy gets its name only when it is whole, on disk and checked; its mode and owner are the database's. Then all but the
 * newest `keep` backups are removed.
 * @returns the backup's path
 * @throws Failure DATABASE_DAMAGED when the database is not sound, DISK_FULL when the copy alone is not; SQLite's and the
 *   filesystem's errors. Nothing is left behind, and every older backup stays
 */
export const backUp = async (database: string, options: BackUpOptions, helper: Helper): Promise<string> => {
  const folder = backupFolder(database)
  if (!existsSync(folder)) {
    mkdirSync(folder)
    sameOwner(folder, dirname(database))
  }
  try {
    return await makeIn(folder, database, options, helper)
  } finally {
    // a first backup that fails leaves no empty folder
    attempt(() => rmdirSync(folder))
  }
}

const makeIn = async (
  folder: string,
  database: string,
  { schema, check, keep, rows }: BackUpOptions,
  helper: Helper,
): Promise<string> => {
  const made = await withPartialFolder(folder, async partials => {
    const partial = join(partials, basename(database))
    const copy = await copyByHelper('the backup', database, partial, check, helper)
    // the copy of a damaged database is damaged too, and then that is what is to be told
    if (copy.findings.length > 0) await checkDatabase(database, check, helper)
    if (copy.findings.length > 0 || !isSame(copy.rows, rows)) throw badCopy(folder)
    sameOwner(partial, database)
    const file = freePath(stamp => join(folder, backupName(database, schema, stamp)))
    renameSync(partial, file)
    syncFolder(folder)
    return file
  })
  // this one stays whatever the clock says: it is the one that is known to be good
  const others = listBackups(database).filter(({ file }) => file !== made)
  for (const { file } of others.slice(0, Math.max(0, others.length - keep + 1))) rmSync(file, { force: true })
  return made
}

const isSame = (rows: readonly TableSize[], expected: readonly TableSize[] | undefined): boolean =>
  expected === undefined || JSON.stringify(rows) === JSON.stringify(expected)

const badCopy = (folder: string): Failure =>
  new Failure(
    'DISK_FULL',
    `the backup in ${folder} did not come out as the database is: the disk is failing`,
    'Replace the disk, or put the volume on another one. The database was not touched.',
  )
