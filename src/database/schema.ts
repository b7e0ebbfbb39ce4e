import type { Connection } from './open.ts'

export type SchemaObject = Readonly<{ type: string; name: string; table: string; sql: string }>

/** Everything that CREATE statements made, sorted by name; SQLite's own tables and automatic indexes are left out. */
export const readSchema = (connection: Connection): readonly SchemaObject[] =>
  connection
    .prepare<[], SchemaObject>(
      `SELECT type, name, tbl_name AS "table", sql FROM sqlite_schema
       WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name, type`,
    )
    .all()

/** The tables of readSchema, by name. */
export const readTableNames = (connection: Connection): readonly string[] =>
  readSchema(connection)
    .filter(({ type }) => type === 'table')
    .map(({ name }) => name)
