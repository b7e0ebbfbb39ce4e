// This room is about SQLite.
import Database from 'better-sqlite3'
import { runPlain } from '../engine.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import type { Connection } from '../sqlite/connect.ts'
import { compareSchemas, compareTables } from '../sqlite/schema/compare.ts'
import { readAppSchema, type Schema, tableNamed, without } from '../sqlite/schema/read.ts'
import { foldName, isSameSql } from '../sqlite/sql.ts'
import { migratableOn } from '../sqlite/transaction.ts'
import type { Comparison } from './match.ts'
import { runAll } from './run-all.ts'

/**
 * The schema after the last of the migrations, run on an empty in-memory database. Reads and writes nothing on the volume.
 * @throws as runAll
 */
export const expectedStructure = (
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
): Promise<Schema> => runInMemory(migrations, version, signal, () => undefined, readAppSchema)

/** Like expectedStructure, but returns the schema after each of the migrations. */
export const expectedSchemas = async (
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
): Promise<readonly Schema[]> => {
  const structures: Schema[] = []
  const add = (connection: Connection) => structures.push(readAppSchema(connection))
  return runInMemory(migrations, version, signal, add, () => structures)
}

const runInMemory = async <T>(
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
  afterEach: (connection: Connection) => void,
  atEnd: (connection: Connection) => T,
): Promise<T> => {
  const connection = new Database(':memory:')
  try {
    // as around `up`; the transaction ends when this private database closes
    connection.exec('PRAGMA foreign_keys = OFF; BEGIN')
    await runAll(migratableOn(connection), migrations, {
      version,
      signal,
      hook: runPlain,
      afterEach: () => afterEach(connection),
    })
    return atEnd(connection)
  } finally {
    connection.close()
  }
}

const nothing: Schema = { tables: [], views: [], triggers: [] }
const adopted = { adopted: true }

/** How schemas of SQLite are compared where another tool made the database. */
export const sqliteComparison: Comparison<Schema> = {
  nothing,
  compare: (expected, found) => compareSchemas(expected, found, adopted),
  additions: (before, after) => {
    const made = without(after, before)
    const bare = made.map(table => ({ ...table, columns: [], foreignKeys: [], indexes: [] }))
    return [
      ...compareSchemas(before, after, adopted),
      ...compareSchemas({ ...nothing, tables: bare }, { ...nothing, tables: made }, adopted),
    ].filter(({ what }) => what === 'extra')
  },
  tablesOf: ({ tables }) => tables.map(({ name }) => name),
  isNamed: (schema, table) => tableNamed(schema, table) !== undefined,
  isAlike: (table, expected, found) => {
    const [made, present] = [tableNamed(expected, table), tableNamed(found, table)]
    if (made === undefined || present === undefined) return false
    return compareTables(made, present, 'tolerated').every(({ weight }) => weight !== 'difference')
  },
  keyOf: foldName,
  isSame: isSameSql,
}
