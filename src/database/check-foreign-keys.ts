import { attempt } from '../attempt.ts'
import type { Connection } from './open.ts'
import { readTableNames } from './schema.ts'
import { sqliteError } from './sqlite-failure.ts'

/** Rows of a table that have no parent, by the table that it should be in. */
export type Broken = Readonly<{
  parent: string
  rows: number
  /** rowid of the first one; null in a table without rowids */
  first: number | null
}>

/**
 * Looks for rows of a table whose foreign key names a parent that is not there. Reads every one.
 * @returns those rows; or what SQLite says where it checks none: no write to a table can succeed when the parent columns of one
 *   of its foreign keys are not unique
 * @throws SQLite's other errors, of damage too
 */
export const checkForeignKeys = (
  connection: Connection,
  table: string,
): Readonly<{ broken: readonly Broken[] } | { unchecked: string }> => {
  const check = connection.prepare<[string], Broken>(
    'SELECT parent, count(*) AS rows, min("rowid") AS first FROM pragma_foreign_key_check(?) GROUP BY parent ORDER BY parent',
  )
  const outcome = attempt(() => check.all(table))
  if ('value' in outcome) return { broken: outcome.value }
  const said = sqliteError(outcome.error)
  if (said?.code !== 'SQLITE_ERROR') throw outcome.error
  return { unchecked: said.message }
}

/** The tables whose foreign keys SQLite does not check, by name. */
export const uncheckedTables = (connection: Connection): readonly string[] =>
  readTableNames(connection).filter(name => 'unchecked' in checkForeignKeys(connection, name))
