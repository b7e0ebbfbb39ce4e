import { Failure } from '../failure.ts'
import { type AppliedMigration, historyTable, noHistory, otherTool, toApplied } from '../history.ts'
import type { Connection } from './connect.ts'

/**
 * The applied migrations, sorted by name; empty if there is no history table. Skips rows that were set aside (setAside).
 * @throws Failure HISTORY_CONFLICT if the table of that name is no history, or lists a migration twice
 */
export const readHistory = (connection: Connection): readonly AppliedMigration[] => {
  if (historyColumns(connection).length === 0) return []
  const rows = connection
    .prepare<[], Readonly<Record<string, unknown>>>(`SELECT * FROM main.${historyTable} ORDER BY name`)
    .all()
    .filter(({ migrator }) => migrator !== otherTool)
  const applied = rows.map(row => toApplied(row, connection.name))
  const seen = new Set<string>()
  const twice = applied.find(({ name }) => seen.size === seen.add(name).size)
  if (twice === undefined) return applied
  const names = rows.map(row => String(row.name)).filter((_, index) => applied[index]?.name === twice.name)
  throw new Failure(
    'HISTORY_CONFLICT',
    `${historyTable} in ${connection.name} has ${twice.name} under several names: ${names.join(', ')}`,
    `Delete all rows of it but one: DELETE FROM ${historyTable} WHERE name = '${names.at(-1)}'.`,
  )
}

/** Whether migrations were ever applied here, even if all were reverted. An empty table that another tool made does not count. */
export const hasHistory = (connection: Connection): boolean =>
  historyColumns(connection).includes('checksum') || readHistory(connection).length > 0

type ColumnRow = { kind: 'table' | 'view'; name: string }

/** Empty if there is no history table. @throws Failure HISTORY_CONFLICT for a view, and for a table without a column "name" */
export const historyColumns = (connection: Connection): readonly string[] => {
  const rows = connection
    .prepare<[], ColumnRow>(
      `SELECT s.type AS kind, c.name FROM sqlite_schema AS s JOIN pragma_table_info(s.name) AS c
       WHERE s.name = '${historyTable}' COLLATE NOCASE AND s.type IN ('table', 'view')`,
    )
    .all()
  const names = rows.map(({ name }) => name)
  if (rows.some(({ kind }) => kind === 'view')) throw noHistory(connection.name, 'is a view')
  if (rows.length > 0 && !names.includes('name')) throw noHistory(connection.name, 'has no column "name"')
  return names
}
