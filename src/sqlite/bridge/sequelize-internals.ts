import type { Sequelize } from 'sequelize'
import { mapValues, type TimeToText, Whole } from './values.ts'

type Field = Readonly<{ type?: Readonly<{ key?: string; stringify?: unknown }> }> | undefined
type BindParam = (value: unknown) => string

type Query = (sql: unknown, options?: Readonly<Record<string, unknown>>) => Promise<unknown>

/** Members that Sequelize 6's types lack (lib/dialects/abstract/query-generator.js, lib/dialects/sqlite/connection-manager.js). */
type Internals = {
  dialect: {
    queryGenerator: {
      escape: (value: unknown, field: Field, options: unknown) => string
      format: (value: unknown, field: Field, options: unknown, bindParam: BindParam) => string
    }
  }
  connectionManager: {
    releaseConnection: (connection: unknown, force?: boolean) => void
    destroyConnection: (connection: unknown) => Promise<void>
  }
}
const internalsOf = (sequelize: Sequelize): Internals => sequelize as Sequelize & Internals

/** The method of Sequelize that every query goes through: `query` in version 6, `queryRaw` in version 7. */
type Queries = Readonly<{ query: Query; queryRaw: Query }>

/** Makes Sequelize pass bound bigints to the driver as integers; it would turn them into text. @returns the same Sequelize */
export const passBigints = <T extends object>(sequelize: T, method: keyof Queries): T =>
  changeValues(sequelize, method, 'bind', 'bind', value => (typeof value === 'bigint' ? new Whole(value) : value))

/**
 * Applies `change` to each value of every query.
 * @param option the query option that holds the values
 * @param part the property that holds them if the text is passed in an object with its values
 */
const changeValues = <T extends object>(
  sequelize: T,
  method: keyof Queries,
  option: string,
  part: string,
  change: (value: unknown) => unknown,
): T => {
  const changedIn = <H>(holder: H, name: string): H => {
    const values = typeof holder === 'object' && holder !== null ? Reflect.get(holder, name) : undefined
    return values === undefined ? holder : { ...holder, [name]: mapValues(values, change) }
  }
  const query = (sequelize as T & Queries)[method].bind(sequelize)
  const changed: Query = (sql, options) => query(changedIn(sql, part), changedIn(options, option))
  return Object.assign(sequelize, { [method]: changed })
}

/**
 * Makes Sequelize 6 run texts that begin with a `-- ` comment: it would skip them and report success. A text of nothing else stays:
 * Sequelize writes one where SQLite has no statement. @returns the same Sequelize
 */
export const runCommented = (sequelize: Sequelize): Sequelize => {
  const query: Query = (sequelize as Sequelize & Queries).query.bind(sequelize)
  const commented: Query = (sql, options) => {
    if (typeof sql === 'string') return query(uncommented(sql), options)
    const { query: text } = Object(sql)
    return query(typeof text === 'string' ? { ...Object(sql), query: uncommented(text) } : sql, options)
  }
  return Object.assign(sequelize, { query: commented })
}

const uncommented = (sql: string): string => {
  const rest = sql.replace(/^(?:\s*--.*)+\s*/, '')
  return rest === '' ? sql : rest
}

/**
 * Makes Sequelize 6 close the connection of a transaction whose COMMIT or ROLLBACK failed. It looks in a pool, which it does not
 * have for SQLite, so the transaction would stay open with its locks. @returns the same Sequelize
 */
export const closeFailed = (sequelize: Sequelize): Sequelize => {
  const { connectionManager } = internalsOf(sequelize)
  connectionManager.destroyConnection = async connection => connectionManager.releaseConnection(connection, true)
  return sequelize
}

/**
 * Makes Sequelize 6 write every Date by `timeToText`: in bulkInsert, conditions, defaults and replacements, with type DATE or
 * none. Bound Dates reach the bridge unchanged. @returns the same Sequelize
 */
export const withStoredTimes = (sequelize: Sequelize, timeToText: TimeToText): Sequelize => {
  const { queryGenerator } = internalsOf(sequelize).dialect
  const { escape: write, format } = queryGenerator
  const toStored = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(toStored)
    return value instanceof Date ? timeToText(value) : value
  }
  queryGenerator.escape = (value, field, options) => {
    const stored = hasItsForm(field) ? value : toStored(value)
    return write.call(queryGenerator, stored, stored === value ? field : undefined, options)
  }
  queryGenerator.format = (value, field, options, bindParam) =>
    value instanceof Date && !hasItsForm(field)
      ? bindParam(value)
      : format.call(queryGenerator, value, field, options, bindParam)
  return changeValues(sequelize, 'query', 'replacements', 'values', toStored)
}

/** Whether the field's type has its own form of a Date, such as DATEONLY. */
const hasItsForm = (field: Field): boolean => field?.type?.stringify !== undefined && field.type.key !== 'DATE'
