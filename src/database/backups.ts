import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join, parse } from 'node:path'

export type Backup = Readonly<{
  /** absolute path */
  file: string
  /** the last migration that was applied to it; `empty` when there was none */
  schema: string
  /** ISO 8601, UTC, to the second */
  madeAt: string
}>

/** The folder of a database's backups, beside it. */
export const backupFolder = (database: string): string => join(dirname(database), 'backups')

/** The file name says what is in it and from when, so that copying it elsewhere and back loses neither. */
export const backupName = (database: string, schema: string, stamp: string): string =>
  `${parse(database).name}-${schema || 'empty'}-${stamp}.db`

const rest = /^(\d{4}-[a-z0-9-]+|empty)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.db$/

/** A database's backups, oldest first. Other files in their folder are passed over. */
export const listBackups = (database: string): readonly Backup[] => {
  const folder = backupFolder(database)
  const prefix = `${parse(database).name}-`
  const entries = existsSync(folder) ? readdirSync(folder) : []
  return entries
    .filter(entry => entry.startsWith(prefix) && rest.test(entry.slice(prefix.length)))
    .map(entry => {
      const told = entry.slice(prefix.length)
      const [schema, madeAt] = [told.replace(rest, '$1'), told.replace(rest, '$2-$3-$4T$5:$6:$7Z')]
      return { file: join(folder, entry), schema, madeAt }
    })
    .sort((a, b) => (a.madeAt < b.madeAt ? -1 : 1))
}

/** How the names begin that a restore gives to what it replaced, beside the database: `homelab.db.replaced-<UTC>`. */
export const replacedPrefix = (database: string): string => `${basename(database)}.replaced-`
