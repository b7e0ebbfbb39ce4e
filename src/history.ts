import { Failure } from './failure.ts'

/** A row of the history. Umzug and sequelize-cli read the name alone, so the rest may be missing. */
export type AppliedMigration = Readonly<{
  /** without extension, though sequelize-cli records `name.js` */
  name: string
  /** of the file's text; null if another tool applied it */
  checksum: string | null
  /** ISO 8601, UTC */
  applied_at: string | null
  duration_ms: number | null
  /** the version of this program that applied it */
  migrator: string | null
}>

/** The table name that the storages of Umzug and sequelize-cli use. */
export const historyTable = 'SequelizeMeta'

/** The `migrator` of rows that another tool keeps for itself beside ours: they are not part of our history. */
export const otherTool = 'another tool'

/**
 * Validates a row of the history.
 * @param path of the database, for messages
 * @throws Failure HISTORY_CONFLICT for a row that describes no migration
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
    throw noHistory(path, `has a row that names no migration: ${JSON.stringify(row)}`)
  return { name: bareName(name), checksum, applied_at, duration_ms, migrator }
}

const isText = (value: unknown): value is string | null => value === null || typeof value === 'string'
const isNumber = (value: unknown): value is number | null => value === null || typeof value === 'number'

/** The Failure for a table that has the history's name but is not one. */
export const noHistory = (path: string, reason: string): Failure =>
  new Failure(
    'HISTORY_CONFLICT',
    `${historyTable} in ${path} is not a history of migrations: it ${reason}`,
    `Fix it; if another program uses it, rename it: migrations are recorded under that name.`,
  )

/** sequelize-cli records `name.js`, we record `name`. */
export const bareName = (name: string): string => name.replace(/\.(?:[cm]?[jt]s|sql)$/, '')

const mark = ', adopted from '

/**
 * The `migrator` of a migration that was not applied here but adopted, since its schema was there already.
 * @param version of this program
 * @param tool that made the database
 */
export const adoptedBy = (version: string, tool: string): string => `${version}${mark}${tool}`

/**
 * Whether another tool made the database or part of it: it was adopted, or sequelize-cli, which records the name alone,
 * applied our own migrations.
 */
export const wasAdopted = (applied: readonly AppliedMigration[]): boolean =>
  applied.some(({ migrator }) => migrator === null || migrator.includes(mark))
