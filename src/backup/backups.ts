import { basename, dirname, join } from 'node:path'
import { readdirSync, statSync } from '../fs.ts'
import { isFolder } from '../volume/files.ts'

export type Backup = Readonly<{
  /** absolute path */
  file: string
  /** the last migration applied to it; `empty` if there was none */
  schema: string
  /** ISO 8601, UTC, to the second */
  madeAt: string
}>

/** The folder of a database's backups, beside it. */
export const backupFolder = (database: string): string => join(dirname(database), 'backups')

/** A backup after 9999 has a sign and six digits for its year. */
const utc = '(?<year>\\d{4}|\\+\\d{6})(?<month>\\d\\d)(?<day>\\d\\d)T(?<hour>\\d\\d)(?<minute>\\d\\d)(?<second>\\d\\d)Z'
const schemaPattern = '(?<schema>empty|\\d[a-z0-9]*(?:-[a-z0-9]+)*)'
const named = new RegExp(`^(?<name>.+)--${schemaPattern}-${utc}(?<ext>\\.[^.]*)?$`, 's')
/** Names of older versions: `homelab-0003-add-os-info-20260118T100000Z.db`, whatever the extension of the database. */
const namedBefore = new RegExp(`^(?<schema>empty|\\d[a-z0-9-]*)-${utc}\\.db$`)

/**
 * A database's backups, oldest first. Ignores other files in their folder, names with impossible dates, empty files,
 * and the backups of other databases on the volume.
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

/** Parses a backup's name; undefined if it is not one of this database. */
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

/** The prefix of a database's backups in older versions. */
const prefixBefore = (database: string): string => `${basename(database).replace(/\.db$/, '')}-`

/**
 * An older name may be ambiguous: `homelab-2-0001-a-...` is one of homelab.db at a migration `2-0001-a`, or of
 * homelab-2.db. It belongs to the other database if that lies beside this one, or if the number of a migration, four
 * digits or more, comes only after that one's name.
 */
const isOfAnother = (entry: string, database: string): boolean => {
  const prefix = prefixBefore(database)
  const isBeside = readdirSync(dirname(database)).some(other => {
    const longer = prefixBefore(other)
    return longer.length > prefix.length && entry.startsWith(longer) && namedBefore.test(entry.slice(longer.length))
  })
  return isBeside || /^\d{1,3}-(?:[^-]+-)*?(?:empty|\d{4,})-/.test(entry.slice(prefix.length))
}

/** Rejects dates such as the 99th and 31 February. */
const isTime = (text: string): boolean => {
  const time = Date.parse(text)
  return !Number.isNaN(time) && new Date(time).toISOString() === text.replace('Z', '.000Z')
}

/** A killed run may have left an empty file in place of its backup. */
const hasContent = (path: string): boolean => {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() === true && stats.size > 0
}

/** The prefix of files that a restore replaced, beside the database: `homelab.db.replaced-<UTC>`. */
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
