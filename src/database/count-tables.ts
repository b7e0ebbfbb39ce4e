import type { Connection } from './open.ts'
import { readTableNames } from './schema.ts'
import { unlessUnknownHere } from './sqlite-failure.ts'
import { quote } from './tokens.ts'

export type TableSize = Readonly<{ name: string; rows: number }>

/** How many rows each table has, by name; without those that only their hub can read (a virtual table of its own module). */
export const countTables = (connection: Connection): readonly TableSize[] =>
  readTableNames(connection).flatMap(name => countRows(connection, name).map(rows => ({ name, rows })))

/** How many rows a table has; nothing for one that only its hub can read. */
export const countRows = (connection: Connection, table: string): readonly number[] =>
  unlessUnknownHere(() =>
    connection
      .prepare<[], number>(`SELECT count(*) FROM ${quote(table)}`)
      .pluck()
      .all(),
  ).flat()
