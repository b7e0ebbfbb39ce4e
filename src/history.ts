import { Failure } from './failure.ts'

/** A row of the history: what Umzug and sequelize-cli read is the name alone, so the rest may be missing. */
export type AppliedMigration = Readonly<{
  /** without extension, though sequelize-cli records `name.js` */
  name: string
  /** of the file's text; null where another tool applied it */
  checksum: string | null
  /** ISO 8601, UTC */
  applied_at: string | null
  duration_ms: number | null
  /** the version of this program that applied it */
  migrator: string | null
}>

/** The history's name is the one that Umzug's and sequelize-cli's storage use. */
export const historyTable = 'SequelizeMeta'

/** Stands for `migrator` in a row that another tool keeps for itself beside ours: such a row is none of our history. */
export const otherTool = 'another tool'

/**
 * A row of the history, checked.
 * @param path of the database, for messages
 * @throws Failure HISTORY_CONFLICT for a row that tells of no migration
 */
export const toApplied = (row: Readonly<Record<string, unknown>>, path: string): AppliedMigration => {
  const { name, checksum = null, applied_at = null, duration_ms = null, migrator = null } = row
  if (
    typeof name !== 'string' ||
    !isText(checksum) ||
    !isText(applied_at) ||
    !isText(migrator) ||
    !isNumber(duration_ms)
  )
    throw noHistory(path, `has a row that tells of no migration: ${JSON.stringify(row)}`)
  return { name: bareName(name), checksum, applied_at, duration_ms, migrator }
}

const isText = (value: unknown): value is string | null => value === null || typeof value === 'string'
const isNumber = (value: unknown): value is number | null => value === null || typeof value === 'number'

/** What has the history's name and is none. */
export const noHistory = (path: string, reason: string): Failure =>
  new Failure(
    'HISTORY_CONFLICT',
    `${historyTable} in ${path} is no history of migrations: it ${reason}`,
    `Mend it, or rename it where another program needs it: migrations are recorded under that name.`,
  )

/** sequelize-cli records `name.js`, and we `name`. */
export const bareName = (name: string): string => name.replace(/\.[cm]?[jt]s$/, '')

const mark = ', adopted from '

/**
 * What the history says in `migrator` of a migration that was not applied here but found to be there already.
 * @param version of this program
 * @param tool that made the database
 */
export const adoptedBy = (version: string, tool: string): string => `${version}${mark}${tool}`

/**
 * Whether another tool made the database or some of it: it was adopted, or sequelize-cli applied our own migrations, of which
 * it records the name alone.
 */
export const wasAdopted = (applied: readonly AppliedMigration[]): boolean =>
  applied.some(({ migrator }) => migrator === null || migrator.includes(mark))
