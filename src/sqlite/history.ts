import type { Recordable } from '../engine.ts'
import { type AppliedMigration, bareName, historyTable, noHistory, otherTool, toApplied } from '../history.ts'
import type { Connection } from './connect.ts'

const columns = ['checksum TEXT', 'applied_at TEXT', 'duration_ms INTEGER', 'migrator TEXT']

/**
 * The applied migrations by name; none where there is no history. Rows that are set aside are left out.
 * @throws Failure HISTORY_CONFLICT for what has the history's name and is none
 */
export const readHistory = (connection: Connection): readonly AppliedMigration[] =>
  historyColumns(connection).length === 0
    ? []
    : connection
        .prepare<[], Readonly<Record<string, unknown>>>(`SELECT * FROM ${historyTable} ORDER BY name`)
        .all()
        .map(row => toApplied(row, connection.name))
        .filter(({ migrator }) => migrator !== otherTool)

/** Whether migrations were applied here, or all taken back. A table of that name that another tool made and left empty is none. */
export const hasHistory = (connection: Connection): boolean =>
  historyColumns(connection).includes('checksum') || readHistory(connection).length > 0

/**
 * Makes the history table, or brings one that another tool made to our columns, and its rows to names without extension and
 * to the checksums of the files that are known. Columns beside ours stay, and may be empty from then on.
 */
export const prepareHistory = (connection: Connection, known: readonly Recordable[]): void => {
  for (const sql of historyStatements(connection, known)) connection.exec(sql)
}

/** The statements that do it. Names and checksums are what they are (migrations/files.ts): no quote is in them. */
export const historyStatements = (connection: Connection, known: readonly Recordable[]): readonly string[] => {
  const present = historyColumns(connection)
  if (present.length === 0)
    return [`CREATE TABLE ${historyTable} (name TEXT NOT NULL PRIMARY KEY, ${columns.join(', ')})`]
  // createdAt and updatedAt, which Umzug's own storage makes when asked to
  const filled = connection
    .prepare<[], string>(
      `SELECT name FROM pragma_table_info('${historyTable}') WHERE "notnull" = 1 AND pk = 0 AND dflt_value IS NULL`,
    )
    .pluck()
    .all()
  const bare = readHistory(connection).filter(({ checksum }) => checksum === null)
  return [
    ...columns
      .filter(definition => !present.some(name => definition.startsWith(`${name} `)))
      .map(definition => `ALTER TABLE ${historyTable} ADD COLUMN ${definition}`),
    ...filled.map(column => `ALTER TABLE ${historyTable} ALTER COLUMN "${column}" DROP NOT NULL`),
    ...known
      .filter(({ name }) => bare.some(row => row.name === name))
      .map(({ name, checksum }) => {
        const names = ['', '.js', '.cjs', '.mjs', '.ts'].map(extension => `'${name}${extension}'`).join(', ')
        const set = `UPDATE ${historyTable} SET name = '${name}', checksum = '${checksum}'`
        return `${set} WHERE checksum IS NULL AND name IN (${names})`
      }),
  ]
}

export const recordApplied = (connection: Connection, migration: AppliedMigration): void => {
  connection
    .prepare(
      `INSERT INTO ${historyTable} (name, checksum, applied_at, duration_ms, migrator)
       VALUES (@name, @checksum, @applied_at, @duration_ms, @migrator)`,
    )
    .run(migration)
}

/**
 * Leaves the rows of another tool (names without extension) where they are, for that tool to find, and out of our history.
 * Needs the columns that prepareHistory makes.
 */
export const setAside = (connection: Connection, names: readonly string[]): void => {
  const rows = connection.prepare<[], string>(`SELECT name FROM ${historyTable} WHERE migrator IS NULL`).pluck().all()
  const mark = connection.prepare(`UPDATE ${historyTable} SET migrator = ? WHERE name = ?`)
  for (const row of rows.filter(name => names.includes(bareName(name)))) mark.run(otherTool, row)
}

/** Records the present text of a migration as the one that was applied. */
export const recordChecksum = (connection: Connection, { name, checksum }: Recordable): void => {
  connection.prepare(`UPDATE ${historyTable} SET checksum = @checksum WHERE name = @name`).run({ name, checksum })
}

export const removeApplied = (connection: Connection, name: string): void => {
  connection.prepare(`DELETE FROM ${historyTable} WHERE name = ?`).run(name)
}

type ColumnRow = { kind: 'table' | 'view'; name: string }

/** None where there is no history. @throws Failure HISTORY_CONFLICT for a view, and for a table without names of migrations */
const historyColumns = (connection: Connection): readonly string[] => {
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
