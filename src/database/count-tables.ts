import type { Connection } from './open.ts'
import { readSchema } from './schema.ts'

export type TableSize = Readonly<{ name: string; rows: number }>

/** How many rows each table has, by name. */
export const countTables = (connection: Connection): readonly TableSize[] =>
  readSchema(connection)
    .filter(({ type }) => type === 'table')
    .map(({ name }) => ({ name, rows: countRows(connection, name) }))

export const countRows = (connection: Connection, table: string): number =>
  Number(
    connection
      .prepare(`SELECT count(*) FROM "${table.replaceAll('"', '""')}"`)
      .pluck()
      .get(),
  )
