import { type QueryInterface, QueryTypes } from 'sequelize'
import type { RebuildOptions } from '../../engine.ts'
import { withColumnChanged } from '../schema/text.ts'
import { quote } from '../sql.ts'
import { columnSql } from './sequelize-internals.ts'

/**
 * Gives a table another definition and keeps everything in and around it: rows and rowids, the AUTOINCREMENT high mark,
 * indexes, triggers, views, and foreign keys in both directions. For what ALTER TABLE cannot do.
 * SQLite's own procedure: https://www.sqlite.org/lang_altertable.html#otheralter
 * @param createSql CREATE TABLE of the same name, as it shall be
 * @throws Error when a column would vanish without being named in `copy`, or the number of rows changes
 */
export const rebuildTable = async (
  schema: QueryInterface,
  name: string,
  createSql: string,
  { copy = {} }: RebuildOptions = {},
): Promise<void> => {
  const run = (sql: string, bind: readonly unknown[] = []) => schema.sequelize.query(sql, { bind: [...bind] })
  const old = await readTable(schema, name)
  const oldColumns = await readColumns(schema, name)
  const temporary = `rebuilt ${name}`
  await run(nameTable(createSql, name, temporary))
  const fresh = await readTable(schema, temporary)
  const newColumns = await readColumns(schema, temporary)

  const lost = oldColumns.filter(column => column.stored && !newColumns.some(({ name }) => name === column.name))
  const unnamed = lost.filter(column => copy[column.name] !== null).map(column => column.name)
  if (unnamed.length > 0) {
    throw new Error(
      `rebuildTable of ${name} would drop ${unnamed.join(', ')}: name it, { copy: { ${unnamed[0]}: null } }`,
    )
  }
  const kept = newColumns
    .filter(({ stored }) => stored)
    .flatMap(({ name: column }): [string, string][] => {
      const expression = copy[column] ?? (oldColumns.some(({ name }) => name === column) ? quote(column) : undefined)
      return expression === undefined ? [] : [[quote(column), expression]]
    })
  const aliased = newColumns.some(
    ({ name: column, rowidAlias }) => rowidAlias && kept.some(([into]) => into === quote(column)),
  )
  const rowid = findRowid([...oldColumns, ...newColumns])
  if (old.hasRowid && fresh.hasRowid && !aliased && rowid !== undefined) kept.unshift([rowid, rowid])
  const [into, from] = [kept.map(([column]) => column).join(', '), kept.map(([, expression]) => expression).join(', ')]
  await run(`INSERT INTO ${quote(temporary)} (${into}) SELECT ${from} FROM ${quote(name)}`)
  await refuseOtherCount(schema, name, temporary)
  const around = await select(
    schema,
    "SELECT sql FROM sqlite_schema WHERE tbl_name = $1 AND type IN ('index', 'trigger') AND sql IS NOT NULL ORDER BY rowid",
    [name],
  )
  if (old.autoincrement && fresh.autoincrement) {
    // an empty INSERT ... SELECT leaves a row there too
    await run('DELETE FROM sqlite_sequence WHERE name = $1', [temporary])
    for (const mark of old.sequence)
      await run('INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)', [temporary, mark])
  }
  // without it RENAME would look into views and triggers, which name a table that is not there for a moment
  await run('PRAGMA legacy_alter_table = ON')
  await run(`DROP TABLE ${quote(name)}`)
  await run(`ALTER TABLE ${quote(temporary)} RENAME TO ${quote(name)}`)
  await run('PRAGMA legacy_alter_table = OFF')
  for (const { sql } of around) await run(String(sql))
}

/** CREATE TABLE `name` ... as CREATE TABLE `temporary` ... */
const nameTable = (createSql: string, name: string, temporary: string): string => {
  const [all = '', written = ''] = /^\s*CREATE\s+TABLE\s+("(?:[^"]|"")+"|`[^`]+`|\[[^\]]+\]|\w+)/i.exec(createSql) ?? []
  const bare = /^\w/.test(written) ? written : written.slice(1, -1).replaceAll('""', '"')
  if (bare !== name) throw new Error(`rebuildTable of ${name} needs "CREATE TABLE ${name} (...)", not: ${createSql}`)
  return `CREATE TABLE ${quote(temporary)}${createSql.slice(all.length)}`
}

const refuseOtherCount = async (schema: QueryInterface, name: string, temporary: string): Promise<void> => {
  const sql = `SELECT (SELECT count(*) FROM ${quote(name)}) AS before, (SELECT count(*) FROM ${quote(temporary)}) AS after`
  for (const { before, after } of await select(schema, sql)) {
    if (before !== after) throw new Error(`rebuildTable of ${name} would make ${after} rows of ${before}`)
  }
}

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
