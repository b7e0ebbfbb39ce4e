import type { Connection } from '../database/open.ts'
import type { KnownMigration } from './known.ts'

/** A row of the history: what Umzug and sequelize-cli read is the name alone, so the rest may be missing. */
export type AppliedMigration = Readonly<{
  /** without extension, though sequelize-cli records `name.js` */
  name: string
  /** as in KnownMigration; null where another tool applied it */
  checksum: string | null
  /** ISO 8601, UTC */
  applied_at: string | null
  duration_ms: number | null
  /** the version of this program that applied it */
  migrator: string | null
}>

/** The history's name is the one that Umzug's and sequelize-cli's storage use. */
export const historyTable = 'SequelizeMeta'
const columns = ['checksum TEXT', 'applied_at TEXT', 'duration_ms INTEGER', 'migrator TEXT']

/** The applied migrations by name; none where there is no history. */
export const readHistory = (connection: Connection): readonly AppliedMigration[] =>
  hasHistory(connection)
    ? connection
        .prepare<[], Partial<AppliedMigration> & { name: string }>(`SELECT * FROM ${historyTable} ORDER BY name`)
        .all()
        .map(({ name, checksum = null, applied_at = null, duration_ms = null, migrator = null }) => ({
          name: bareName(name),
          checksum,
          applied_at,
          duration_ms,
          migrator,
        }))
    : []

export const hasHistory = (connection: Connection): boolean => historyColumns(connection).length > 0

/**
 * Makes the history table, or brings one that sequelize-cli made to our columns, and its rows to names without extension
 * and to the checksums of the files that are known.
 */
export const prepareHistory = (connection: Connection, known: readonly KnownMigration[]): void => {
  for (const sql of historyStatements(connection, known)) connection.exec(sql)
}

/** The statements that do it. Names and checksums are what they are (files.ts, digest.ts): no quote is in them. */
export const historyStatements = (connection: Connection, known: readonly KnownMigration[]): readonly string[] => {
  const present = historyColumns(connection)
  if (present.length === 0)
    return [`CREATE TABLE ${historyTable} (name TEXT NOT NULL PRIMARY KEY, ${columns.join(', ')})`]
  const foreign = readHistory(connection).filter(({ checksum }) => checksum === null)
  return [
    ...columns
      .filter(definition => !present.some(name => definition.startsWith(`${name} `)))
      .map(definition => `ALTER TABLE ${historyTable} ADD COLUMN ${definition}`),
    ...known
      .filter(({ name }) => foreign.some(row => row.name === name))
      .map(({ name, checksum }) => {
        const names = ['', '.js', '.cjs', '.mjs', '.ts'].map(extension => `'${name}${extension}'`).join(', ')
        const set = `UPDATE ${historyTable} SET name = '${name}', checksum = '${checksum}'`
        return `${set} WHERE checksum IS NULL AND name IN (${names})`
      }),
  ]
}

export const recordApplied = (connection: Connection, migration: AppliedMigration): void => {
  connection
    .prepare(`INSERT INTO ${historyTable} VALUES (@name, @checksum, @applied_at, @duration_ms, @migrator)`)
    .run(migration)
}

/** Records the present text of a migration as the one that was applied. */
export const recordChecksum = (connection: Connection, { name, checksum }: KnownMigration): void => {
  connection.prepare(`UPDATE ${historyTable} SET checksum = @checksum WHERE name = @name`).run({ name, checksum })
}

export const removeApplied = (connection: Connection, name: string): void => {
  connection.prepare(`DELETE FROM ${historyTable} WHERE name = ?`).run(name)
}

const historyColumns = (connection: Connection): readonly string[] =>
  connection.prepare<[], string>(`SELECT name FROM pragma_table_info('${historyTable}')`).pluck().all()

const bareName = (name: string): string => name.replace(/\.[cm]?[jt]s$/, '')
