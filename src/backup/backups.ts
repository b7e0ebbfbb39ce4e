import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

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

/**
 * The name of a backup that is made now. It says what is in it and from when, so that copying it elsewhere and back loses
 * neither. The second of a later one is always later, whatever the clock says, so that the newest is the last one made.
 * @param schema the last applied migration, whatever it is called; an empty text for none
 */
export const nextBackupName = (database: string, schema: string): string => {
  const newest = Date.parse(listBackups(database).at(-1)?.madeAt ?? '')
  const time = Math.max(Date.now(), Number.isNaN(newest) ? 0 : newest + 1000)
  return `${prefixOf(database)}${schemaWord(schema)}-${new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, '')}.db`
}

/** `homelab-`, and for another extension than .db all of the name: two databases of a volume have their own backups. */
const prefixOf = (database: string): string => `${basename(database).replace(/\.db$/, '')}-`

/** The history may hold any text; a name of a file begins with a digit here, so that it is no part of a database's name. */
export const schemaWord = (schema: string): string => {
  const word = schema.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  if (word === '') return 'empty'
  return /^\d/.test(word) ? word : `0-${word}`
}

/** The year has more digits after a backup of 9999. */
const rest = /^(empty|\d[a-z0-9-]*)-(\d{4}|\+\d{6})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.db$/

/** A database's backups, oldest first. What else is in their folder is passed over, and what has a date that there is none of. */
export const listBackups = (database: string): readonly Backup[] => {
  const folder = backupFolder(database)
  const prefix = prefixOf(database)
  const entries = isFolder(folder) ? readdirSync(folder) : []
  return entries
    .filter(entry => entry.startsWith(prefix) && rest.test(entry.slice(prefix.length)) && isFile(join(folder, entry)))
    .map(entry => {
      const told = entry.slice(prefix.length)
      const [schema, madeAt] = [told.replace(rest, '$1'), told.replace(rest, '$2-$3-$4T$5:$6:$7Z')]
      return { file: join(folder, entry), schema, madeAt }
    })
    .filter(({ madeAt }) => isTime(madeAt))
    .sort((a, b) => Date.parse(a.madeAt) - Date.parse(b.madeAt))
}

/** Neither the 99th nor 31 February. */
const isTime = (text: string): boolean => {
  const time = Date.parse(text)
  return !Number.isNaN(time) && new Date(time).toISOString() === text.replace('Z', '.000Z')
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** How the names begin that a restore gives to what it replaced, beside the database: `homelab.db.replaced-<UTC>`. */
export const replacedPrefix = (database: string): string => `${basename(database)}.replaced-`

/** What restores replaced, oldest first, without the journals beside them. */
export const listReplaced = (database: string): readonly string[] =>
  readdirSync(dirname(database))
    .filter(entry => entry.startsWith(replacedPrefix(database)) && !/-(?:wal|shm|journal)$/.test(entry))
    .sort()
    .map(entry => join(dirname(database), entry))
