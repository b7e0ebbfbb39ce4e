import type { AddConstraintOptions, QueryInterface, TableName } from 'sequelize'

/** Members that Sequelize 6's types lack (lib/dialects/abstract/query-generator.js, lib/dialects/sqlite/query-generator.js, lib/sequelize.js). */
type Internals = Readonly<{
  queryGenerator: {
    getConstraintSnippet: (table: string, options: AddConstraintOptions) => string
    attributesToSQL: (attributes: Readonly<Record<string, unknown>>) => Readonly<Record<string, string>>
    replaceBooleanDefaults: (sql: string) => string
  }
  sequelize: { normalizeAttribute: (attribute: object) => { type: unknown } }
}>
const internalsOf = (schema: QueryInterface): Internals => schema as QueryInterface & Internals

/** The name that Sequelize gives a table on SQLite, where a schema is a part of the name. */
export const nameOf = (table: TableName): string => {
  if (typeof table === 'string') return table
  const { tableName, schema, delimiter } = table
  return schema ? `${schema}${delimiter ?? '.'}${tableName}` : tableName
}

/** Turns Sequelize's options for a constraint into SQL: `CONSTRAINT name CHECK (...)`. */
export const constraintSql = (schema: QueryInterface, table: string, options: AddConstraintOptions): string =>
  internalsOf(schema).queryGenerator.getConstraintSnippet(table, { ...options })

/**
 * Turns a column's type and default from Sequelize into SQL: `{ type: 'VARCHAR(20)', fallback: "DEFAULT 'x'" }`.
 * `fallback` is empty if Sequelize itself fills in the default, row by row (NOW, a function).
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

/** The SQL that a call of Sequelize would run, without running it. */
export const statementOf = async (
  schema: QueryInterface,
  call: (schema: QueryInterface) => Promise<unknown>,
): Promise<string> => {
  let statement = ''
  const query = async (sql: string): Promise<void> => {
    statement = sql
  }
  const sequelize: unknown = Object.create(schema.sequelize, { query: { value: query } })
  // on the prototype, without the calls that the editor replaced
  await call(
    Object.create(Object.getPrototypeOf(schema), {
      sequelize: { value: sequelize },
      queryGenerator: { value: internalsOf(schema).queryGenerator },
    }),
  )
  return statement
}
