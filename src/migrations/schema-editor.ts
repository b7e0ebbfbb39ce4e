import type { AddConstraintOptions, QueryInterface, TableName } from 'sequelize'
import { type RebuildOptions, rebuildTable } from './rebuild-table.ts'
import { quote, select } from './table.ts'

/** What a migration gets: Sequelize's QueryInterface, made safe, with `rebuildTable` for what ALTER TABLE cannot do. */
export type SchemaEditor = QueryInterface &
  Readonly<{ rebuildTable: (table: string, createSql: string, options?: RebuildOptions) => Promise<void> }>

/**
 * Makes Sequelize's QueryInterface safe for SQLite, in place, so that `sequelize.getQueryInterface()` is safe too.
 *
 * Sequelize emulates five calls by copying a table, and loses by it child rows, AUTOINCREMENT, CHECK, COLLATE, generated
 * columns, triggers, partial indexes and foreign key actions, all while reporting success
 * (https://github.com/sequelize/sequelize/issues/15927). Here they are SQLite's own ALTER TABLE, which keeps everything, or
 * are refused with what to do instead. All other calls pass through.
 */
export const makeSafe = (schema: QueryInterface): SchemaEditor => {
  const run = async (sql: string): Promise<void> => {
    await schema.sequelize.query(sql)
  }
  const alter = (table: TableName, change: string) => run(`ALTER TABLE ${quoteTable(table)} ${change}`)

  const removeColumn: QueryInterface['removeColumn'] = (table, column) => alter(table, `DROP COLUMN ${quote(column)}`)

  const renameColumn: QueryInterface['renameColumn'] = (table, before, after) =>
    alter(table, `RENAME COLUMN ${quote(before)} TO ${quote(after)}`)

  const changeColumn: QueryInterface['changeColumn'] = async (table, column, wanted) => {
    const { allowNull, type, ...rest } = typeof wanted === 'object' && 'allowNull' in wanted ? wanted : {}
    if (allowNull === undefined || Object.keys(rest).length > 0) {
      throw new Error(`changeColumn of ${quoteTable(table)}.${column} can only change allowNull: ${instead}`)
    }
    if (type !== undefined) await refuseOtherType(schema, table, column, type)
    await alter(table, `ALTER COLUMN ${quote(column)} ${allowNull ? 'DROP' : 'SET'} NOT NULL`)
  }

  const addConstraint = async (table: TableName, options: AddConstraintOptions): Promise<void> => {
    const { name, type } = options
    if (name === undefined) throw new Error(`addConstraint to ${quoteTable(table)} needs a name`)
    if (options.type !== 'unique') {
      const how = type === 'check' ? 'ADD CONSTRAINT name CHECK (...) by sequelize.query' : instead
      throw new Error(`addConstraint ${name} of type ${type} is not safe here: ${how}`)
    }
    // to SQLite a unique constraint is a unique index
    await run(`CREATE UNIQUE INDEX ${quote(name)} ON ${quoteTable(table)} (${options.fields.map(quote).join(', ')})`)
  }

  const removeConstraint: QueryInterface['removeConstraint'] = async (table, name) => {
    const indexes = await select(schema, 'SELECT 1 FROM pragma_index_list($1) WHERE name = $2', [nameOf(table), name])
    if (indexes.length > 0) await run(`DROP INDEX ${quote(name)}`)
    else await alter(table, `DROP CONSTRAINT ${quote(name)}`)
  }

  const rebuild: SchemaEditor['rebuildTable'] = (table, createSql, options = {}) =>
    rebuildTable(schema, table, createSql, options)

  const safe = { removeColumn, renameColumn, changeColumn, addConstraint, removeConstraint, rebuildTable: rebuild }
  return Object.assign(schema, safe)
}

const instead = 'use context.rebuildTable(table, createSql)'

const refuseOtherType = async (
  schema: QueryInterface,
  table: TableName,
  column: string,
  type: unknown,
): Promise<void> => {
  const rows = await select(schema, 'SELECT type FROM pragma_table_xinfo($1) WHERE name = $2', [nameOf(table), column])
  const wanted = typeof type === 'function' ? Reflect.construct(type, []) : type
  if (rows.some(row => String(row.type).toUpperCase() === String(wanted).toUpperCase())) return
  throw new Error(`changeColumn cannot make ${quoteTable(table)}.${column} ${wanted}: ${instead}`)
}

const nameOf = (table: TableName): string => (typeof table === 'string' ? table : table.tableName)
const quoteTable = (table: TableName): string => quote(nameOf(table))
