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

const rest = /^(?<schema>\d{4}-[a-z0-9-]+|empty)-(?<day>\d{8})T(?<time>\d{6})Z\.db$/

/** A database's backups, oldest first. Other files in their folder are passed over. */
export const listBackups = (database: string): readonly Backup[] => {
  const folder = backupFolder(database)
  const prefix = `${parse(database).name}-`
  const entries = existsSync(folder) ? readdirSync(folder) : []
  return entries
    .filter(entry => entry.startsWith(prefix))
    .flatMap((entry): Backup[] => {
      const { schema, day, time } = rest.exec(entry.slice(prefix.length))?.groups ?? {}
      if (schema === undefined || day === undefined || time === undefined) return []
      const [date, clock] = [day.replace(/(....)(..)(..)/, '$1-$2-$3'), time.replace(/(..)(..)(..)/, '$1:$2:$3')]
      return [{ file: join(folder, entry), schema, madeAt: `${date}T${clock}Z` }]
    })
    .sort((a, b) => (a.madeAt < b.madeAt ? -1 : 1))
}

/** How the names begin that a restore gives to what it replaced, beside the database: `homelab.db.replaced-<UTC>`. */
export const replacedPrefix = (database: string): string => `${basename(database)}.replaced-`
