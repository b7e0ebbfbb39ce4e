import type { HistoryKeeper, HistoryRows, Recordable } from '../engine.ts'
import { attempt, attemptAsync, must, type Outcome } from '../failure.ts'
import { type AppliedMigration, bareName, historyTable, noHistory, otherTool } from '../history.ts'
import type { Connection } from './connect.ts'
import { isOfEngine, sqliteCode, sqliteError } from './errors.ts'
import { historyColumns, readHistory } from './history.ts'
import { type HistoryWatch, watchHistory } from './history-triggers.ts'
import { sameName } from './sql.ts'

/** our columns besides `name`, with their types */
const ownColumns = ['checksum TEXT', 'applied_at TEXT', 'duration_ms INTEGER', 'migrator TEXT']

/**
 * Creates the history table, or adds our columns to one that another tool made, and gives the rows of known files names without
 * extension and checksums. Other columns stay, and may be NULL from then on.
 */
export const prepareHistory = (
  connection: Connection,
  known: readonly Recordable[],
  applied: readonly AppliedMigration[] = readHistory(connection),
): void => {
  for (const sql of historyStatements(connection, known, applied)) write(connection, () => connection.exec(sql))
}

/** The statements of prepareHistory. Names and checksums contain no quotes (migrations/files.ts). */
export const historyStatements = (
  connection: Connection,
  known: readonly Recordable[],
  applied: readonly AppliedMigration[] = readHistory(connection),
): readonly string[] => {
  const present = historyColumns(connection)
  if (present.length === 0)
    return [`CREATE TABLE ${historyTable} (name TEXT NOT NULL PRIMARY KEY, ${ownColumns.join(', ')})`]
  // createdAt and updatedAt, an option of Umzug's own storage
  const filled = connection
    .prepare<[], string>(
      `SELECT name FROM pragma_table_info('${historyTable}') WHERE "notnull" = 1 AND pk = 0 AND dflt_value IS NULL`,
    )
    .pluck()
    .all()
  const bare = applied.filter(({ checksum }) => checksum === null)
  return [
    ...ownColumns
      .filter(definition => !present.some(name => sameName(name, must(definition.split(' ')[0]))))
      .map(definition => `ALTER TABLE ${historyTable} ADD COLUMN ${definition}`),
    ...filled.map(column => `ALTER TABLE ${historyTable} ALTER COLUMN "${column}" DROP NOT NULL`),
    ...known
      .filter(({ name }) => bare.some(row => row.name === name))
      .map(({ name, checksum }) => {
        const names = ['', '.js', '.cjs', '.mjs', '.ts', '.sql'].map(extension => `'${name}${extension}'`).join(', ')
        const set = `UPDATE ${historyTable} SET name = '${name}', checksum = '${checksum}'`
        return `${set} WHERE checksum IS NULL AND name IN (${names})`
      }),
  ]
}

export const recordApplied = (connection: Connection, migration: AppliedMigration): void => {
  connection
    .prepare(
      `INSERT INTO main.${historyTable} (name, checksum, applied_at, duration_ms, migrator)
       VALUES (@name, @checksum, @applied_at, @duration_ms, @migrator)`,
    )
    .run(migration)
}

/**
 * Marks the rows of another tool, so that our history skips them and that tool still finds them. Call prepareHistory before.
 * @param names without extension
 */
export const setAside = (connection: Connection, names: readonly string[]): void => {
  const rows = connection
    .prepare<[], string>(`SELECT name FROM main.${historyTable} WHERE migrator IS NULL`)
    .pluck()
    .all()
  const mark = connection.prepare(`UPDATE main.${historyTable} SET migrator = ? WHERE name = ?`)
  for (const row of rows.filter(name => names.includes(bareName(name)))) mark.run(otherTool, row)
}

/** Replaces the recorded checksum of an applied migration by that of its present text. */
export const recordChecksum = (connection: Connection, { name, checksum }: Recordable): void => {
  connection.prepare(`UPDATE main.${historyTable} SET checksum = @checksum WHERE name = @name`).run({ name, checksum })
}

export const removeApplied = (connection: Connection, name: string): void => {
  connection.prepare(`DELETE FROM main.${historyTable} WHERE name = ?`).run(name)
}

/** Rows up to which reading them costs less than the triggers that watch them. */
const few = 16

/** Makes sure that only the migrator writes the history, one row per migration. */
export const keepHistory = (connection: Connection): HistoryKeeper => {
  /** All rows, or those of one name. */
  const readRows = (name?: string): HistoryRows => {
    const sql = `SELECT * FROM main.${historyTable}`
    if (name !== undefined) return connection.prepare<[string], HistoryRows[number]>(`${sql} WHERE name = ?`).all(name)
    return historyColumns(connection).length === 0 ? [] : connection.prepare<[], HistoryRows[number]>(sql).all()
  }
  type Counts = Readonly<{ rows: number; changes: number }>
  const count = (): Counts =>
    connection
      .prepare<[], Counts>(`SELECT count(*) AS rows, total_changes() AS changes FROM main.${historyTable}`)
      .get() as Counts
  /** what was there after the last record: nothing runs until the next migration */
  let kept: HistoryRows | undefined
  let watch: HistoryWatch | undefined

  return {
    read: async () => kept ?? readRows(),
    refuseChange: async before => {
      if (watch?.isUntouched()) return
      const now = attempt(() => readRows())
      if ('error' in now || !isSame(now.value, before))
        throw new Error(`it changes ${historyTable}, where the migrator records what is applied`)
    },
    keep: async (name, before, record) => {
      watch?.begin()
      const was = count()
      refuseUnwritable(connection, await attemptAsync(record))
      const is = count()
      const others = (rows: HistoryRows): HistoryRows => rows.filter(row => row.name !== name)
      const expected = [...others(before), ...readRows(name)]
      // the row, and its note
      const changes = watch === undefined ? 1 : 2
      // REPLACE deletes rows without counting them as changes
      const isOneRow = is.changes === was.changes + changes && is.rows === expected.length
      const now = isOneRow ? expected : readRows()
      if (now.length === before.length || !(isOneRow || isSame(others(now), others(before))))
        throw noHistory(connection.name, 'does not keep what is written into it: look for a trigger')
      kept = now
      if (watch !== undefined) watch.begin()
      else if (now.length > few) watch = watchHistory(connection)
    },
  }
}

const inOrder = (rows: HistoryRows): HistoryRows =>
  rows.toSorted(({ name: a }, { name: b }) => (String(a) < String(b) ? -1 : Number(String(a) > String(b))))

/** The same rows, in any order. Most often it is the same one, and a thousand migrations that make tables compare half a million. */
const isSame = (a: HistoryRows, b: HistoryRows): boolean =>
  (a.length === b.length && a.every((row, index) => isSameRow(row, b[index]))) ||
  JSON.stringify(inOrder(a)) === JSON.stringify(inOrder(b))

const isSameRow = (a: HistoryRows[number], b: HistoryRows[number] = {}): boolean => {
  const columns = Object.keys(a)
  return columns.length === Object.keys(b).length && columns.every(column => a[column] === b[column])
}

const write = (connection: Connection, work: () => unknown): void => refuseUnwritable(connection, attempt(work))

/** If another tool's constraints or any trigger reject our rows, the migration is not at fault. */
const refuseUnwritable = (connection: Connection, outcome: Outcome<unknown>): void => {
  if (!('error' in outcome)) return
  const { error } = outcome
  if (sqliteCode(error) === undefined || isOfEngine(error)) throw error
  throw noHistory(connection.name, `cannot be written: ${sqliteError(error)?.message}`)
}
