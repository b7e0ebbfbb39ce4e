import { attempt } from '../failure.ts'
import type { Connection } from './connect.ts'
import { sqliteError } from './errors.ts'
import { haveParents } from './parents.ts'
import { differ, type Finding } from './schema/compare.ts'
import { type Schema, tableNames } from './schema/read.ts'

/** The rows of a table that lack a parent in one other table. */
type Broken = Readonly<{
  parent: string
  rows: number
  /** rowid of the first one; null in a WITHOUT ROWID table */
  first: number | null
}>

/** A table of so many rows is looked at by the values of its keys first. */
const many = 100_000

/**
 * Finds rows of a table whose foreign key has no parent row. Reads every row, but where the values of its keys tell that there is none.
 * @param size rows of the table, where an index may be trusted; 0 reads every row in any case
 * @returns those rows by parent table; or SQLite's message if it cannot check: the parent columns of a foreign key are not
 *   unique, so no write to the table can succeed
 * @throws SQLite's other errors, including those for damage
 */
export const findBrokenKeys = (
  connection: Connection,
  table: string,
  size = 0,
): Readonly<{ broken: readonly Broken[] } | { unchecked: string }> => {
  if (size >= many && haveParents(connection, table)) return { broken: [] }
  const check = checks.get(connection) ?? prepareCheck(connection)
  checks.set(connection, check)
  const outcome = attempt(() => check.all(table))
  if ('value' in outcome) return { broken: outcome.value }
  const said = sqliteError(outcome.error)
  if (said?.code !== 'SQLITE_ERROR') throw outcome.error
  return { unchecked: said.message }
}

/** One statement for all tables of a connection: each prepare reads the schema of all of them. */
const checks = new WeakMap<Connection, ReturnType<typeof prepareCheck>>()

const prepareCheck = (connection: Connection) =>
  connection.prepare<[string], Broken>(
    `SELECT parent, count(*) AS rows, min("rowid") AS first FROM pragma_foreign_key_check(?, 'main')
     GROUP BY parent ORDER BY parent`,
  )

/** The tables whose foreign keys SQLite cannot check, sorted by name. */
export const uncheckedTables = (connection: Connection): readonly string[] =>
  tableNames(connection).filter(name => 'unchecked' in findBrokenKeys(connection, name))

/**
 * Finds rows whose foreign key has no parent row. Programs that write with foreign keys off, the default of the sqlite3 shell
 * and Python, can leave them. Reads every row of tables with foreign keys.
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
