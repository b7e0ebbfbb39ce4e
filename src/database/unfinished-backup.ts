import { existsSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { attempt } from '../attempt.ts'
import { replaceFile } from '../volume/replace-file.ts'
import { pruneBackups, removeBackup } from './back-up.ts'
import { backupFolder, listBackups, schemaWord } from './backups.ts'

/**
 * A backup that is made before migrations run belongs to that run until it has ended. Where the run fails or is killed, the
 * database is what the backup is, so the backup goes: a container that is started again and again would otherwise push every
 * older one out. Which one it is stands in a file beside the backups.
 */
/** One folder may have the backups of several databases. */
const markOf = (database: string): string => join(backupFolder(database), `.${basename(database)}.unfinished`)

/** Says that a backup is the one of a run that has not ended. */
export const markUnfinished = (database: string, file: string): void =>
  replaceFile(markOf(database), `${basename(file)}\n`)

/** Whether the last run that made a backup has not ended well. */
export const hasUnfinished = (database: string): boolean => existsSync(markOf(database))

/**
 * Removes the backup of a run that failed, or was killed before it changed anything. Not before the database is known to be sound.
 * @param schema that the database is at: a backup of another schema is of a run that was killed after its commit, and stays
 */
export const dropUnfinished = (database: string, schema: string): void => {
  if (!hasUnfinished(database)) return
  const name = readFileSync(markOf(database), 'utf8').trim()
  const found = listBackups(database).find(({ file }) => basename(file) === name)
  if (found?.schema === schemaWord(schema)) removeBackup(found.file)
  rmSync(markOf(database), { force: true })
  // one that is not empty stays, and so does a link
  attempt(() => rmdirSync(backupFolder(database)))
}

/** The database is another one now: what a killed run left counts as a backup, so that the next run does not take it for its own. */
export const keepUnfinished = (database: string): void => {
  if (hasUnfinished(database)) rmSync(markOf(database), { force: true })
}

/** The run has ended well: its backup counts, and all but the newest `keep` go. */
export const finishBackup = (database: string, keep: number): void => {
  if (!hasUnfinished(database)) return
  rmSync(markOf(database), { force: true })
  pruneBackups(database, keep)
}
