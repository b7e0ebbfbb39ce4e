import { statSync } from 'node:fs'
import type { Reader, SchemaObject } from '../engine.ts'
import type { Connection } from './connect.ts'
import { hasLeftovers } from './file.ts'
import { hasHistory, readHistory } from './history.ts'

/** Answers what the heart asks of a database; `connection` is for the rooms that are about SQLite. */
export type SqliteReader = Reader & Readonly<{ connection: Connection }>

export const readerOf = (connection: Connection): SqliteReader => ({
  connection,
  // inside a transaction page_count would not tell: BEGIN IMMEDIATE makes a first page
  isEmpty: async () => readObjects(connection).every(({ table }) => isOfReplication(table)),
  history: async () => readHistory(connection),
  strangersTable: async () =>
    hasHistory(connection) ? undefined : (await import('./schema/read.ts')).findStrangersTable(connection),
  objects: async () => readObjects(connection),
  rows: async () => (await import('./check.ts')).countTables(connection),
})

/** Everything that CREATE statements made, sorted by name; SQLite's own tables and automatic indexes are left out. */
export const readObjects = (connection: Connection): readonly SchemaObject[] =>
  connection
    .prepare<[], SchemaObject>(
      `SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema
       WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name, type`,
    )
    .all()

/** Litestream makes its tables in whatever database it finds, before a migration has run, too. */
export const isOfReplication = (table: string): boolean => /^_litestream_/i.test(table)

/**
 * Holds a file's size against its pages. SQLite notices a file that is too short when it reads there, and never one that grew:
 * what lies behind its pages is not its own. To be called in a transaction.
 */
export const wrongSize = (path: string, connection: Connection): readonly string[] => {
  // with a WAL the file itself is behind
  if (hasLeftovers(path)) return []
  const [pages, pageSize] = ['page_count', 'page_size'].map(name => Number(connection.pragma(name, { simple: true })))
  const { size } = statSync(path)
  const expected = Number(pages) * Number(pageSize)
  return size === expected ? [] : [`the file has ${size} bytes, where its ${pages} pages make ${expected}`]
}
