import type { QueryInterface } from 'sequelize'
import { quote } from '../database/tokens.ts'
import { withColumnChanged } from './create-table.ts'
import { columnSql } from './query-generator.ts'
import { rebuildTable } from './rebuild-table.ts'
import { readCreateSql, select } from './table.ts'

/**
 * Changes a column's type, default and NOT NULL, whichever of them `wanted` names, and nothing else of it: the last by ALTER
 * TABLE, the others by a rebuild.
 * @throws Error for a key or a generated column, for anything else in `wanted`, and where a value would not survive the type
 */
export const changeColumn = async (
  schema: QueryInterface,
  table: string,
  column: string,
  wanted: unknown,
): Promise<void> => {
  const find = 'SELECT type, pk, hidden FROM pragma_table_xinfo($1) WHERE name = $2'
  const [present] = await select(schema, find, [table, column])
  if (present === undefined) throw new Error(`${table} has no column ${column}`)
  const definition = isDefinition(wanted) ? wanted : { type: wanted }
  if ('type' in definition && definition.type === undefined)
    throw new Error(`the type of ${table}.${column} is undefined`)
  const { type = present.type, allowNull, ...rest } = definition
  const { defaultValue, ...others } = rest
  const beyond = Object.keys(others)
  if (beyond.length > 0 || present.pk !== 0 || present.hidden !== 0) {
    const what = beyond.length > 0 ? beyond.join(', ') : 'a key or a generated column'
    throw new Error(
      `changeColumn of ${table}.${column} cannot change ${what}: use context.rebuildTable(table, createSql)`,
    )
  }
  const sql = columnSql(schema, { type, defaultValue })
  const change = {
    type: sql.type.toUpperCase() === String(present.type).toUpperCase() ? undefined : sql.type,
    fallback: 'defaultValue' in rest ? sql.fallback : undefined,
  }
  if (change.fallback === '') throw new Error(`the default of ${table}.${column} is none that SQLite can fill in`)
  if (change.type !== undefined) await refuseLossy(schema, table, column, change.type)
  if (change.type !== undefined || change.fallback !== undefined) {
    await rebuildTable(schema, table, withColumnChanged(await readCreateSql(schema, table), column, change))
  }
  if (allowNull === undefined) return
  const rule = `${allowNull ? 'DROP' : 'SET'} NOT NULL`
  await schema.sequelize.query(`ALTER TABLE ${quote(table)} ALTER COLUMN ${quote(column)} ${rule}`)
}

type Definition = Readonly<{ type?: unknown; allowNull?: boolean; defaultValue?: unknown }>

/** A DataType is a string, a function or an object of its own class. */
const isDefinition = (wanted: unknown): wanted is Definition =>
  typeof wanted === 'object' && wanted !== null && Object.getPrototypeOf(wanted) === Object.prototype

/** '007' as an INTEGER is 7, and 2^63-1 as a REAL another number: SQLite converts without a word. */
const refuseLossy = async (schema: QueryInterface, table: string, column: string, type: string): Promise<void> => {
  const run = (sql: string) => schema.sequelize.query(sql)
  await run(`CREATE TEMP TABLE "converted values" (old BLOB, new ${type})`)
  await run(`INSERT INTO temp."converted values" SELECT ${quote(column)}, ${quote(column)} FROM ${quote(table)}`)
  // the + takes the columns' affinities away, which would make '007' equal to 7
  const [lost] = await select(
    schema,
    `SELECT quote(old) AS old, quote(new) AS new FROM temp."converted values"
     WHERE +old IS NOT +new AND CAST(old AS TEXT) IS NOT CAST(new AS TEXT) LIMIT 1`,
  )
  if (lost !== undefined) {
    const how = `use context.rebuildTable with { copy: { ${column}: expression } }`
    throw new Error(`changeColumn to ${type} would make ${lost.old} in ${table}.${column} ${lost.new}: ${how}`)
  }
  await run('DROP TABLE temp."converted values"')
}
