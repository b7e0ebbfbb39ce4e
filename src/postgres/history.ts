import type { HistoryKeeper, HistoryRows, Recordable } from '../engine.ts'
import { attemptAsync, Failure, reasonOf } from '../failure.ts'
import { type AppliedMigration, bareName, historyTable, noHistory, otherTool, toApplied } from '../history.ts'
import { historyColumns } from './catalog.ts'
import type { Connection, Source } from './connect.ts'
import { isOfServer, sqlState } from './errors.ts'
import { inSchema, quote } from './names.ts'

const tableOf = ({ address }: Source): string => inSchema(address.schema, historyTable)

/** Sorts by bytes, as the heart compares names, not by the database's collation. */
const byName = 'ORDER BY name COLLATE "C"'

const readRows = async (connection: Source): Promise<HistoryRows> =>
  (await historyColumns(connection)).length === 0
    ? []
    : connection.rows(`SELECT * FROM ${tableOf(connection)} ${byName}`)

/**
 * The applied migrations, sorted by name; empty if there is no history table.
 * @throws Failure HISTORY_CONFLICT if the table of that name is no history, or lists a migration twice
 */
export const readHistory = async (connection: Source): Promise<readonly AppliedMigration[]> => {
  const { shown } = connection.address
  const rows = (await readRows(connection))
    .map(row => ({ ...toApplied(row, shown), recorded: String(row.name) }))
    .filter(({ migrator }) => migrator !== otherTool)
  const twice = rows.find(({ name }, index) => rows.findIndex(other => other.name === name) < index)
  if (twice === undefined) return rows.map(({ recorded: _, ...applied }) => applied)
  const names = rows.filter(({ name }) => name === twice.name).map(({ recorded }) => recorded)
  throw new Failure(
    'HISTORY_CONFLICT',
    `${historyTable} in ${shown} has ${twice.name} under several names: ${names.join(', ')}`,
    `Delete all rows of it but one: DELETE FROM ${tableOf(connection)} WHERE name = '${twice.recorded}'.`,
  )
}

/** Whether migrations were ever applied here, even if all were reverted. An empty table that another tool made does not count. */
export const hasHistory = async (connection: Connection): Promise<boolean> =>
  (await historyColumns(connection)).some(({ name }) => name === 'checksum') ||
  (await readHistory(connection)).length > 0

/** our columns besides `name`; times are texts, as on SQLite: nothing computes with them */
const ownColumns = { checksum: 'text', applied_at: 'text', duration_ms: 'integer', migrator: 'text' } as const

/**
 * Creates the history table, or adds our columns to one that another tool made, and gives the rows of known files names without
 * extension and checksums. Other columns stay, and may be NULL from then on.
 */
export const prepareHistory = async (connection: Connection, known: readonly Recordable[]): Promise<void> => {
  const table = tableOf(connection)
  const present = await historyColumns(connection)
  const run = (sql: string, values: readonly unknown[] = []) => write(connection, () => connection.query(sql, values))
  if (present.length === 0) {
    const columns = Object.entries(ownColumns).map(([name, type]) => `${name} ${type}`)
    await run(`CREATE TABLE ${table} (name text PRIMARY KEY, ${columns.join(', ')})`)
    return
  }
  for (const [name, type] of Object.entries(ownColumns))
    if (!present.some(column => column.name === name)) await run(`ALTER TABLE ${table} ADD COLUMN ${name} ${type}`)
  // createdAt and updatedAt, an option of Umzug's own storage
  for (const { name, required } of present)
    if (required && name !== 'name') await run(`ALTER TABLE ${table} ALTER COLUMN ${quote(name)} DROP NOT NULL`)
  const bare = (await readHistory(connection)).filter(({ checksum }) => checksum === null)
  for (const { name, checksum } of known.filter(file => bare.some(row => row.name === file.name))) {
    const names = ['', '.js', '.cjs', '.mjs', '.ts'].map(extension => name + extension)
    await run(`UPDATE ${table} SET name = $1, checksum = $2 WHERE checksum IS NULL AND name = ANY($3)`, [
      ...[name, checksum],
      names,
    ])
  }
}

export const recordApplied = async (connection: Connection, migration: AppliedMigration): Promise<void> => {
  const { name, checksum, applied_at, duration_ms, migrator } = migration
  await connection.query(
    `INSERT INTO ${tableOf(connection)} (name, checksum, applied_at, duration_ms, migrator) VALUES ($1, $2, $3, $4, $5)`,
    [name, checksum, applied_at, duration_ms, migrator],
  )
}

export const removeApplied = async (connection: Connection, name: string): Promise<void> => {
  await connection.query(`DELETE FROM ${tableOf(connection)} WHERE name = $1`, [name])
}

/**
 * Marks the rows of another tool, so that our history skips them and that tool still finds them. Call prepareHistory before.
 * @param names without extension
 */
export const setAside = async (connection: Connection, names: readonly string[]): Promise<void> => {
  const table = tableOf(connection)
  const rows = await connection.rows<{ name: string }>(`SELECT name FROM ${table} WHERE migrator IS NULL`)
  const meant = rows.map(({ name }) => name).filter(name => names.includes(bareName(name)))
  await connection.query(`UPDATE ${table} SET migrator = $1 WHERE name = ANY ($2)`, [otherTool, meant])
}

const isSame = (a: HistoryRows, b: HistoryRows): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Makes sure that only the migrator writes the history, one row per migration. */
export const keepHistory = (connection: Connection): HistoryKeeper => ({
  read: () => readRows(connection),
  refuseChange: async before => {
    const now = await attemptAsync(() => readRows(connection))
    if ('error' in now && isOfServer(now.error)) throw now.error
    if ('error' in now || !isSame(now.value, before))
      throw new Error(`it changes ${historyTable}, where the migrator records what is applied`)
  },
  keep: async (name, before, record) => {
    await write(connection, record)
    const others = (rows: HistoryRows): HistoryRows => rows.filter(row => row.name !== name)
    const now = await readRows(connection)
    if (!isSame(others(now), others(before)) || now.length === before.length)
      throw noHistory(connection.address.shown, 'does not keep what is written into it: look for a trigger')
  },
})

/** If another tool's constraints or any trigger reject our rows, the migration is not at fault. */
const write = async (connection: Connection, work: () => Promise<unknown>): Promise<void> => {
  const outcome = await attemptAsync(work)
  if (!('error' in outcome)) return
  const { error } = outcome
  if (sqlState(error) === undefined || isOfServer(error)) throw error
  throw noHistory(connection.address.shown, `cannot be written: ${reasonOf(error)}`)
}
