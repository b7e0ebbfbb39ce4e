import type { Reader, SchemaObject } from '../engine.ts'
import { statSync } from '../fs.ts'
import type { Connection } from './connect.ts'
import { hasLeftovers } from './file.ts'
import { hasHistory, readHistory } from './history.ts'

/** The engine-independent Reader of a database; `connection` is for code that is about SQLite. */
export type SqliteReader = Reader & Readonly<{ connection: Connection }>

export const readerOf = (connection: Connection): SqliteReader => ({
  connection,
  // page_count would not do inside a transaction: BEGIN IMMEDIATE creates the first page
  isEmpty: async () => readObjects(connection).every(({ table }) => isOfReplication(table)),
  history: async () => readHistory(connection),
  strangersTable: async () =>
    hasHistory(connection) ? undefined : (await import('./schema/read.ts')).findStrangersTable(connection),
  objects: async () => readObjects(connection),
  rows: async () => (await import('./check.ts')).countTables(connection),
})

/** All objects made by CREATE statements, sorted by name; without SQLite's own tables and automatic indexes. */
export const readObjects = (connection: Connection): readonly SchemaObject[] =>
  connection
    .prepare<[], SchemaObject>(
      `SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema
       WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name, type`,
    )
    .all()

/** Litestream creates its tables in any database it finds, even before the first migration has run. */
export const isOfReplication = (table: string): boolean => /^_litestream_/i.test(table)

/**
 * Compares a file's size with its page count. SQLite notices a short file only when it reads the missing pages, and never one
 * that grew. Call it in a transaction.
 * @returns a finding; empty if the sizes match
 */
export const wrongSize = (path: string, connection: Connection): readonly string[] => {
  // with a WAL the file lags behind page_count
  if (hasLeftovers(path)) return []
  const [pages, pageSize] = ['page_count', 'page_size'].map(name => Number(connection.pragma(name, { simple: true })))
  const { size } = statSync(path)
  const expected = Number(pages) * Number(pageSize)
  return size === expected ? [] : [`the file has ${size} bytes, where its ${pages} pages make ${expected}`]
}
