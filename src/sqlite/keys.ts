import { attempt } from '../failure.ts'
import type { Connection } from './connect.ts'
import { sqliteError } from './errors.ts'
import { differ, type Finding } from './schema/compare.ts'
import { type Schema, tableNames } from './schema/read.ts'

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
export const findBrokenKeys = (
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
  tableNames(connection).filter(name => 'unchecked' in findBrokenKeys(connection, name))

/**
 * Looks for rows whose foreign key names a parent that is not there: whoever writes with foreign keys off, as the sqlite3 shell
 * and Python do unless told otherwise, can leave them. Reads every row with a foreign key.
 */
export const findOrphans = (connection: Connection, { tables }: Schema): readonly Finding[] =>
  tables
    .filter(({ foreignKeys }) => foreignKeys.length > 0)
    .flatMap(({ name }) => {
      const checked = findBrokenKeys(connection, name)
      if ('unchecked' in checked)
        return differ('difference', `foreign keys of ${name}`, 'check', 'possible', checked.unchecked)
      return checked.broken.flatMap(({ parent, rows, first }) => {
        const found = `${rows}${first === null ? '' : `, the first with rowid ${first}`}`
        return differ('difference', `foreign keys of ${name} to ${parent}`, 'rows without a parent', '0', found)
      })
    })
