import type { QueryInterface, Sequelize, TableName } from 'sequelize'

type Query = (sql: unknown, options?: Readonly<Record<string, unknown>>) => Promise<unknown>

type Details = Readonly<{ tableName: string; schema: string }>

/** Members that Sequelize 6's types lack (lib/dialects/abstract/query-generator.js, lib/dialects/postgres/query-generator.js). */
type QueryGenerator = {
  options: { schema?: string }
  escape: (value: unknown, ...rest: readonly unknown[]) => string
  extractTableDetails: (table: TableName, options?: object) => Details
  tableExistsQuery: (table: TableName) => string
}

const generatorOf = (schema: QueryInterface): QueryGenerator =>
  (schema as QueryInterface & { queryGenerator: QueryGenerator }).queryGenerator

/**
 * Makes Sequelize 6 look for tables without a schema in the one that is meant: addColumn, removeColumn, describeTable and
 * tableExists go to `public` otherwise, whatever the search_path says. @returns the same Sequelize
 */
export const tellSchema = (sequelize: Sequelize, schema: string): Sequelize => {
  const generator = generatorOf(sequelize.getQueryInterface())
  generator.options = { ...generator.options, schema }
  const exists = generator.tableExistsQuery.bind(generator)
  generator.tableExistsQuery = table => exists({ ...generator.extractTableDetails(table) })
  return sequelize
}

/** The table that a call of Sequelize means, with its schema. */
export const detailsOf = (schema: QueryInterface, table: TableName, options?: object): Details =>
  generatorOf(schema).extractTableDetails(table, options)

const hasNul = (value: unknown): boolean => {
  if (typeof value === 'string') return value.includes('\0')
  if (typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)) return false
  return Object.values(value).some(hasNul)
}

const refused = (): Error => new Error('a text with a NUL character cannot be stored: PostgreSQL has no such texts')

/**
 * Puts `track` around every query of Sequelize 6, and makes it refuse texts with NUL, which it would store as the two characters
 * `\0`. @returns the same Sequelize
 */
export const aroundQueries = (
  sequelize: Sequelize,
  track: <T>(sql: string, work: () => Promise<T>) => Promise<T>,
): Sequelize => {
  const generator = generatorOf(sequelize.getQueryInterface())
  const { escape: write } = generator
  generator.escape = (value, ...rest) => {
    if (hasNul(value)) throw refused()
    return write.call(generator, value, ...rest)
  }
  const query: Query = sequelize.query.bind(sequelize) as Query
  const checked: Query = async (sql, options) => {
    const isText = typeof sql === 'string'
    const given = isText ? [options?.replacements, options?.bind] : [sql, options?.replacements, options?.bind]
    if (given.some(hasNul)) throw refused()
    return track(isText ? sql : JSON.stringify(sql), () => query(sql, options))
  }
  return Object.assign(sequelize, { query: checked })
}

/**
 * The QueryInterface's own calls, with the texts that they would run given to `query` instead: Sequelize makes some texts of
 * several statements, which a server refuses.
 */
export const withQuery = (
  schema: QueryInterface,
  query: (sql: string, options?: object) => Promise<unknown>,
): QueryInterface => {
  const sequelize: unknown = Object.create(schema.sequelize, { query: { value: query } })
  return Object.create(Object.getPrototypeOf(schema), {
    sequelize: { value: sequelize },
    queryGenerator: { value: generatorOf(schema) },
  })
}
