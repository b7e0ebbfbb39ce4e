import type { AddConstraintOptions, QueryInterface, TableName } from 'sequelize'
import type { OnProgress, SchemaEditor } from '../../engine.ts'
import { withConstraint } from '../schema/text.ts'
import { quote } from '../sql.ts'
import { backfill } from './backfill.ts'
import { changeColumn, readCreateSql, rebuildTable, select } from './rebuild.ts'
import { constraintSql } from './sequelize-internals.ts'

/**
 * Makes Sequelize's QueryInterface safe for SQLite, in place, so that `sequelize.getQueryInterface()` is safe too.
 *
 * Sequelize emulates five calls by copying a table, and loses by it child rows, AUTOINCREMENT, CHECK, COLLATE, generated
 * columns, triggers, partial indexes and foreign key actions, all while reporting success
 * (https://github.com/sequelize/sequelize/issues/15927). Here they are SQLite's own ALTER TABLE where it can do that,
 * else a rebuild that keeps everything, or are refused with what to do instead. All other calls pass through.
 */
export const makeSafe = (schema: QueryInterface, onProgress: OnProgress): SchemaEditor => {
  const run = async (sql: string): Promise<void> => {
    await schema.sequelize.query(sql)
  }
  const alter = (table: TableName, change: string) => run(`ALTER TABLE ${quoteTable(table)} ${change}`)

  const removeColumn: QueryInterface['removeColumn'] = (table, column) => alter(table, `DROP COLUMN ${quote(column)}`)

  const renameColumn: QueryInterface['renameColumn'] = (table, before, after) =>
    alter(table, `RENAME COLUMN ${quote(before)} TO ${quote(after)}`)

  const change: QueryInterface['changeColumn'] = (table, column, wanted) =>
    changeColumn(schema, nameOf(table), column, wanted)

  const addConstraint = async (table: TableName, options: AddConstraintOptions): Promise<void> => {
    const name = options.name ?? [nameOf(table), ...options.fields, options.type.replace(' ', '_')].join('_')
    if (options.type === 'unique') {
      // to SQLite a unique constraint is a unique index
      return run(`CREATE UNIQUE INDEX ${quote(name)} ON ${quoteTable(table)} (${options.fields.map(quote).join(', ')})`)
    }
    const constraint = () => constraintSql(schema, nameOf(table), { ...options, name })
    if (options.type === 'check') return alter(table, `ADD ${constraint()}`)
    if (options.type !== 'foreign key') {
      throw new Error(`addConstraint cannot make a ${options.type}: use context.rebuildTable(table, createSql)`)
    }
    await rebuild(nameOf(table), withConstraint(await readCreateSql(schema, nameOf(table)), constraint()))
  }

  const removeConstraint: QueryInterface['removeConstraint'] = async (table, name) => {
    const indexes = await select(schema, 'SELECT 1 FROM pragma_index_list($1) WHERE name = $2', [nameOf(table), name])
    if (indexes.length > 0) await run(`DROP INDEX ${quote(name)}`)
    else await alter(table, `DROP CONSTRAINT ${quote(name)}`)
  }

  const rebuild: SchemaEditor['rebuildTable'] = (table, createSql, options) =>
    rebuildTable(schema, table, createSql, options)

  const fill: SchemaEditor['backfill'] = (sql, options) => backfill(schema, sql, options, onProgress)

  const safe = {
    removeColumn,
    renameColumn,
    changeColumn: change,
    addConstraint,
    removeConstraint,
    rebuildTable: rebuild,
    backfill: fill,
  }
  return Object.assign(schema, safe)
}

const nameOf = (table: TableName): string => (typeof table === 'string' ? table : table.tableName)
const quoteTable = (table: TableName): string => quote(nameOf(table))
