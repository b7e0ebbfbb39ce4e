import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join, parse } from 'node:path'
import { isFolder, utcStamp } from '../volume/files.ts'

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
 * The name of a backup that is made now: `homelab--0003-add-os-info-20260118T100000Z.db`. It says what is in it and from when, so
 * that copying it elsewhere and back loses neither. No schema has `--` in it, so one name belongs to one database alone. The second
 * of a later backup is always later, whatever the clock says, so that the newest is the last one made.
 * @param schema the last applied migration, whatever it is called; an empty text for none
 * @param seconds how much later than the first time that is free, where something else has that name
 */
export const nextBackupName = (database: string, schema: string, seconds: number): string => {
  const newest = Date.parse(listBackups(database).at(-1)?.madeAt ?? '')
  const time = Math.max(Date.now(), Number.isNaN(newest) ? 0 : newest + 1000) + seconds * 1000
  const { name, ext } = parse(database)
  return `${name}--${schemaWord(schema)}-${utcStamp(time)}${ext}`
}

/** The history may hold any text; in the name of a file it begins with a digit, and single dashes are all the marks it has. */
export const schemaWord = (schema: string): string => {
  const word = schema
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  if (word === '') return 'empty'
  return /^\d/.test(word) ? word : `0-${word}`
}

/** The year has more digits after a backup of 9999. */
const utc = '(?<year>\\d{4}|\\+\\d{6})(?<month>\\d\\d)(?<day>\\d\\d)T(?<hour>\\d\\d)(?<minute>\\d\\d)(?<second>\\d\\d)Z'
const schemaPattern = '(?<schema>empty|\\d[a-z0-9]*(?:-[a-z0-9]+)*)'
const named = new RegExp(`^(?<name>.+)--${schemaPattern}-${utc}(?<ext>\\.[^.]*)?$`, 's')
/** As older versions named them: `homelab-0003-add-os-info-20260118T100000Z.db`, whatever the extension of the database. */
const namedBefore = new RegExp(`^(?<schema>empty|\\d[a-z0-9-]*)-${utc}\\.db$`)

/**
 * A database's backups, oldest first. What else is in their folder is passed over: files with a date that there is none of, empty
 * ones, and the backups of another database of the volume.
 */
export const listBackups = (database: string): readonly Backup[] => {
  const folder = backupFolder(database)
  const entries = isFolder(folder) ? readdirSync(folder) : []
  return entries
    .flatMap(entry => {
      const found = partsOf(entry, database)
      return found === undefined ? [] : [{ file: join(folder, entry), ...found }]
    })
    .filter(({ file, madeAt }) => isTime(madeAt) && hasContent(file))
    .sort((a, b) => Date.parse(a.madeAt) - Date.parse(b.madeAt))
}

/** What the name of a backup says; undefined where it is none of this database. */
const partsOf = (entry: string, database: string): Omit<Backup, 'file'> | undefined => {
  const now = named.exec(entry)?.groups
  if (now !== undefined) return `${now.name}${now.ext ?? ''}` === basename(database) ? partsIn(now) : undefined
  const prefix = prefixBefore(database)
  const before = entry.startsWith(prefix) ? namedBefore.exec(entry.slice(prefix.length))?.groups : undefined
  return before === undefined || isOfAnother(entry, database) ? undefined : partsIn(before)
}

const partsIn = ({ schema = '', year, month, day, hour, minute, second }: Readonly<Record<string, string>>) => ({
  schema,
  madeAt: `${year}-${month}-${day}T${hour}:${minute}:${second}Z`,
})

/** How the names of a database's backups began in older versions. */
const prefixBefore = (database: string): string => `${basename(database).replace(/\.db$/, '')}-`

/**
 * An older name may be read as that of two databases: `homelab-2-0001-a-...` of homelab.db at a migration `2-0001-a`, and of
 * homelab-2.db. It is the other one's where that lies beside this database, or where the number of a migration, four digits or
 * more, comes only after that one's name.
 */
const isOfAnother = (entry: string, database: string): boolean => {
  const prefix = prefixBefore(database)
  const isBeside = readdirSync(dirname(database)).some(other => {
    const longer = prefixBefore(other)
    return longer.length > prefix.length && entry.startsWith(longer) && namedBefore.test(entry.slice(longer.length))
  })
  return isBeside || /^\d{1,3}-(?:[^-]+-)*?(?:empty|\d{4,})-/.test(entry.slice(prefix.length))
}

/** Neither the 99th nor 31 February. */
const isTime = (text: string): boolean => {
  const time = Date.parse(text)
  return !Number.isNaN(time) && new Date(time).toISOString() === text.replace('Z', '.000Z')
}

/** A run that was killed may have left an empty file in the place of its backup. */
const hasContent = (path: string): boolean => {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && stats.size > 0
}

/** How the names begin that a restore gives to what it replaced, beside the database: `homelab.db.replaced-<UTC>`. */
export const replacedPrefix = (database: string): string => `${basename(database)}.replaced-`

/** Where restores keep what they replace. */
export const replacedNames = (database: string) => ({
  at: (stamp: string): string => join(dirname(database), replacedPrefix(database) + stamp),
  all: (): readonly string[] => listReplaced(database),
})

/** What restores replaced, oldest first, without the journals beside them. */
export const listReplaced = (database: string): readonly string[] => {
  const prefix = replacedPrefix(database)
  return readdirSync(dirname(database))
    .filter(entry => entry.startsWith(prefix) && /^(?:\d{4}|\+\d{6})\d{4}T\d{6}Z$/.test(entry.slice(prefix.length)))
    .sort()
    .map(entry => join(dirname(database), entry))
}
