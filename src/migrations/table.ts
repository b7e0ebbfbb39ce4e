import { type QueryInterface, QueryTypes } from 'sequelize'

export type Row = Readonly<Record<string, unknown>>

/** The rows of a query on what migrations work with. */
export const select = (schema: QueryInterface, sql: string, bind: readonly unknown[] = []): Promise<readonly Row[]> =>
  schema.sequelize.query<Row>(sql, { bind: [...bind], type: QueryTypes.SELECT })

export type Table = Readonly<{
  /** false for WITHOUT ROWID */
  hasRowid: boolean
  autoincrement: boolean
  /** the AUTOINCREMENT high mark; none where nothing was ever inserted */
  sequence: readonly unknown[]
}>

/** @throws Error when there is no such table */
export const readTable = async (schema: QueryInterface, name: string): Promise<Table> => {
  const [table] = await select(
    schema,
    "SELECT wr FROM pragma_table_list($1) WHERE schema = 'main' AND type = 'table'",
    [name],
  )
  if (table === undefined) throw new Error(`there is no table ${name}`)
  const find = `SELECT 1 FROM sqlite_schema WHERE name = $1 AND sql LIKE '%AUTOINCREMENT%'
    AND EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence')`
  const autoincrement = (await select(schema, find, [name])).length > 0
  const marks = autoincrement ? await select(schema, 'SELECT seq FROM sqlite_sequence WHERE name = $1', [name]) : []
  return { hasRowid: table.wr === 0, autoincrement, sequence: marks.map(({ seq }) => seq) }
}

/** The text that a table was made by. */
export const readCreateSql = async (schema: QueryInterface, table: string): Promise<string> => {
  const find = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = $1"
  return (await select(schema, find, [table])).map(({ sql }) => String(sql)).join()
}

export type Column = Readonly<{
  name: string
  /** false for generated columns */
  stored: boolean
  /** INTEGER PRIMARY KEY: another name of the rowid */
  rowidAlias: boolean
}>

export const readColumns = async (schema: QueryInterface, table: string): Promise<readonly Column[]> => {
  const columns = await select(schema, 'SELECT name, type, pk, hidden FROM pragma_table_xinfo($1)', [table])
  const keys = columns.filter(({ pk }) => pk !== 0).length
  return columns.map(({ name, type, pk, hidden }) => ({
    name: String(name),
    stored: hidden === 0,
    rowidAlias: pk === 1 && keys === 1 && String(type).toUpperCase() === 'INTEGER',
  }))
}

/** A word for the rowid that no column has for its name, which would hide it. */
export const findRowid = (columns: readonly Column[]): string | undefined =>
  ['rowid', '_rowid_', 'oid'].find(word => columns.every(({ name }) => name.toLowerCase() !== word))
