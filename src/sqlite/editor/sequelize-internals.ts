import type { AddConstraintOptions, QueryInterface, TableName } from 'sequelize'

/** What Sequelize 6 has and its types lack (lib/dialects/abstract/query-generator.js, lib/dialects/sqlite/query-generator.js, lib/sequelize.js). */
type Internals = Readonly<{
  queryGenerator: {
    getConstraintSnippet: (table: string, options: AddConstraintOptions) => string
    attributesToSQL: (attributes: Readonly<Record<string, unknown>>) => Readonly<Record<string, string>>
    replaceBooleanDefaults: (sql: string) => string
  }
  sequelize: { normalizeAttribute: (attribute: object) => { type: unknown } }
}>
const internalsOf = (schema: QueryInterface): Internals => schema as QueryInterface & Internals

/** What Sequelize calls a table on SQLite, where a schema is a part of its name. */
export const nameOf = (table: TableName): string => {
  if (typeof table === 'string') return table
  const { tableName, schema, delimiter } = table
  return schema ? `${schema}${delimiter ?? '.'}${tableName}` : tableName
}

/** A table constraint in Sequelize's words, as SQL: `CONSTRAINT name CHECK (...)`. */
export const constraintSql = (schema: QueryInterface, table: string, options: AddConstraintOptions): string =>
  internalsOf(schema).queryGenerator.getConstraintSnippet(table, { ...options })

/**
 * A column's type and default in Sequelize's words, as SQL: `{ type: 'VARCHAR(20)', fallback: "DEFAULT 'x'" }`.
 * `fallback` is empty where Sequelize itself would fill the default in, row by row (NOW, a function).
 */
export const columnSql = (
  schema: QueryInterface,
  attribute: Readonly<{ type: unknown; defaultValue?: unknown; values?: unknown }>,
): Readonly<{ type: string; fallback: string }> => {
  const { queryGenerator, sequelize } = internalsOf(schema)
  const column = sequelize.normalizeAttribute({ ...attribute })
  const type = String(column.type)
  const { it = '' } = queryGenerator.attributesToSQL({ it: column })
  return { type, fallback: queryGenerator.replaceBooleanDefaults(it.slice(type.length).trim()) }
}

/** The statement that a call of Sequelize's own would run; it is not run. */
export const statementOf = async (
  schema: QueryInterface,
  call: (schema: QueryInterface) => Promise<unknown>,
): Promise<string> => {
  let statement = ''
  const query = async (sql: string): Promise<void> => {
    statement = sql
  }
  const sequelize: unknown = Object.create(schema.sequelize, { query: { value: query } })
  // without the calls that the editor has in place of Sequelize's
  await call(
    Object.create(Object.getPrototypeOf(schema), {
      sequelize: { value: sequelize },
      queryGenerator: { value: internalsOf(schema).queryGenerator },
    }),
  )
  return statement
}
