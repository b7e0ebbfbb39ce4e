import type { RebuildOptions } from '../../engine.ts'
import { isSameDefault } from '../schema/compare.ts'
import { type Column, readTable, type Table } from '../schema/read.ts'
import { type ColumnChange, namedConstraints, readTableText, withColumnChanged, withName } from '../schema/text.ts'
import { freeRowidName, hasName, isSameSql, literal, quote, sameName } from '../sql.ts'
import { describeNulls, explainConstraint } from './broken-rows.ts'
import { asNamedChange } from './calls.ts'
import { atomically, type Editing, findTable, inMemory, run } from './editing.ts'
import { type WantedKey, withKey } from './foreign-key.ts'
import { columnSql } from './sequelize-internals.ts'

/** A column of the new table, and the expression that fills it. */
type Filled = Readonly<{ into: string; from: string }>

/**
 * Gives a table another definition and keeps everything in and around it: rows and rowids, the AUTOINCREMENT counter,
 * indexes, triggers, views, and foreign keys in both directions. For changes that ALTER TABLE cannot make.
 * SQLite's own procedure: https://www.sqlite.org/lang_altertable.html#otheralter
 * @param createSql the new CREATE TABLE, of the same name
 * @throws Error if `createSql` cannot be read, a column would be dropped without being named in `copy`, a row breaks the new
 *   definition, or the number of rows changes; nothing is changed then
 */
export const rebuildTable = async (
  editing: Editing,
  table: string,
  createSql: string,
  { copy = {} }: RebuildOptions = {},
): Promise<void> => {
  const { connection } = editing
  const old = findTable(editing, table)
  const fresh = readDefinition(old.name, createSql)
  const filled = fill(old, fresh, copy)
  const [into, from] = [
    filled.map(column => quote(column.into)).join(', '),
    filled.map(column => column.from).join(', '),
  ]
  const temporary = `rebuilt ${old.name}`
  await atomically(editing, async () => {
    await run(editing, withName(createSql, temporary))
    try {
      // OR ABORT, so that ON CONFLICT IGNORE or REPLACE loses no row
      const insert = fresh.onConflict.length > 0 ? 'INSERT OR ABORT' : 'INSERT'
      await run(editing, `${insert} INTO ${quote(temporary)} (${into}) SELECT ${from} FROM ${quote(old.name)}`)
    } catch (error) {
      const rows = `(SELECT ${filled.map(column => `${column.from} AS ${quote(column.into)}`).join(', ')} FROM ${quote(old.name)})`
      throw explainConstraint(
        error,
        { connection, table: old.name, columns: filled.map(column => column.into), from: rows },
        checksOf(createSql),
      )
    }
    refuseOtherCount(editing, old.name, temporary)
    const around = connection
      .prepare<[string], string>(
        `SELECT sql FROM sqlite_schema WHERE tbl_name = ? COLLATE NOCASE AND type IN ('index', 'trigger') AND sql IS NOT NULL
         ORDER BY rowid`,
      )
      .pluck()
      .all(old.name)
    if (old.autoincrement && fresh.autoincrement) await copyMark(editing, old.name, temporary)
    await exchange(editing, old.name, temporary)
    for (const sql of around) await run(editing, sql)
  })
}

/** Rebuilds a table for a call that names what it changes: what goes by it is not lost. */
export const redefineTable = (editing: Editing, table: string, createSql: string): Promise<void> =>
  asNamedChange(() => rebuildTable(editing, table, createSql))

/** The table that a definition makes, tried in memory. @throws Error if it is no plain CREATE TABLE of that name */
const readDefinition = (table: string, createSql: string): Table => {
  const { kind, name } = readTableText(createSql)
  const fresh =
    kind === 'TABLE' && sameName(name, table) ? inMemory([createSql], memory => readTable(memory, name)) : undefined
  if (fresh !== undefined) return fresh
  throw new Error(`rebuildTable of ${table} needs "CREATE TABLE ${quote(table)} (...)", not: ${createSql}`)
}

/**
 * The expressions that fill the columns of the new table, and its rowid.
 * @throws Error if an old column would be dropped without being named, or a named column is in neither table
 */
const fill = (old: Table, fresh: Table, copy: Readonly<Record<string, string | null>>): readonly Filled[] => {
  const own = ({ columns }: Table) => columns.filter(({ generated }) => generated === null).map(({ name }) => name)
  const all = [...old.columns, ...fresh.columns].map(({ name }) => name)
  const given = Object.entries(copy)
  for (const [name] of given) {
    if (!hasName(all, name)) throw new Error(`rebuildTable of ${old.name} names ${name}, which is not a column of it`)
  }
  const unnamed = own(old).filter(
    name => !hasName(own(fresh), name) && !given.some(([column, from]) => from === null && sameName(column, name)),
  )
  if (unnamed.length > 0) {
    throw new Error(
      `rebuildTable of ${old.name} would drop ${unnamed.join(', ')}: name it, { copy: { ${unnamed[0]}: null } }`,
    )
  }
  const filled = own(fresh).flatMap((into): readonly Filled[] => {
    const expressions = given.flatMap(([column, from]) => (from !== null && sameName(column, into) ? from : []))
    const same = old.columns.filter(({ name }) => sameName(name, into)).map(({ name }) => quote(name))
    return [...expressions, ...same].slice(0, 1).map(from => ({ into, from }))
  })
  const alias = fresh.columns.find(({ rowidAlias }) => rowidAlias)
  const isGiven = alias !== undefined && filled.some(({ into }) => sameName(into, alias.name))
  const [from, into] = [rowidOf(old), alias?.name ?? rowidOf(fresh)]
  return isGiven || from === undefined || into === undefined ? filled : [{ into, from }, ...filled]
}

/** A name of the rowid that no column hides; undefined if the table has no rowid or all names are hidden. */
export const rowidOf = ({ columns, withoutRowid }: Table): string | undefined =>
  withoutRowid ? undefined : freeRowidName(columns.map(({ name }) => name))

/** The expression of each named CHECK, by its name. */
const checksOf = (createSql: string): ReadonlyMap<string, string> =>
  new Map(
    namedConstraints(createSql).flatMap(({ name, kind, at }): [string, string][] =>
      kind.startsWith('CHECK')
        ? readTableText(`CREATE TABLE it (it, ${createSql.slice(at.start, at.end)})`).checks.map(check => [name, check])
        : [],
    ),
  )

const refuseOtherCount = ({ connection }: Editing, table: string, temporary: string): void => {
  const [before, after] = [table, temporary].map(name =>
    connection
      .prepare(`SELECT count(*) FROM ${quote(name)}`)
      .pluck()
      .get(),
  )
  if (before !== after) throw new Error(`rebuildTable of ${table} would make ${after} rows of ${before}`)
}

/** Copies the AUTOINCREMENT counter to the new table; deletes first, because even an empty INSERT ... SELECT creates one there. */
const copyMark = async (editing: Editing, table: string, temporary: string): Promise<void> => {
  await run(editing, `DELETE FROM sqlite_sequence WHERE name = ${literal(temporary)}`)
  await run(
    editing,
    `INSERT INTO sqlite_sequence (name, seq) SELECT ${literal(temporary)}, seq FROM sqlite_sequence WHERE name = ${literal(table)}`,
  )
}

/** Replaces a table by the temporary one. */
const exchange = async (editing: Editing, table: string, temporary: string): Promise<void> => {
  const before = editing.connection.pragma('legacy_alter_table', { simple: true })
  // otherwise RENAME checks views and triggers, which name a table that is missing for a moment
  await run(editing, 'PRAGMA legacy_alter_table = ON')
  try {
    await run(editing, `DROP TABLE ${quote(table)}`)
    await run(editing, `ALTER TABLE ${quote(temporary)} RENAME TO ${quote(table)}`)
  } finally {
    await run(editing, `PRAGMA legacy_alter_table = ${before}`)
  }
}

/** Attributes of a Sequelize column that have no effect in SQLite. */
const withoutEffect = new Set(
  'comment values validate get set Model fieldName _modelAttribute _autoGenerated first after'.split(' '),
)

/**
 * Changes only what `wanted` names of a column's type, default, NOT NULL and foreign key: NOT NULL by ALTER TABLE, the others by
 * a rebuild. Skips what already matches.
 * @throws Error if `wanted` would change anything else, the type or default of a key, or a generated column, and if a value would
 *   be lost; nothing is changed then
 */
export const changeColumn = async (
  editing: Editing,
  tableName: string,
  columnName: string,
  wanted: unknown,
): Promise<void> => {
  const table = findTable(editing, tableName)
  const column = table.columns.find(({ name }) => sameName(name, columnName))
  if (column === undefined) throw new Error(`${table.name} has no column ${columnName}`)
  const place = `${table.name}.${column.name}`
  const definition: Definition = isDefinition(wanted) ? wanted : { type: wanted }
  if ('type' in definition && definition.type === undefined) throw new Error(`the type of ${place} is undefined`)

  const change = changeOf(editing, place, column, definition)
  const isRebuilt = change.type !== undefined || change.fallback !== undefined
  const notNull = definition.allowNull === undefined ? column.notNull : !definition.allowNull
  const refused = [
    ...refusals(table, column, definition),
    ...(isRebuilt && column.key > 0 ? ['a key'] : []),
    ...((isRebuilt || notNull !== column.notNull) && column.generated !== null ? ['a generated column'] : []),
  ]
  if (refused.length > 0) {
    const cure = refused.some(what => what.includes(': ')) ? '' : ': use context.rebuildTable(table, createSql)'
    throw new Error(`changeColumn of ${place} cannot change ${refused.join(', ')}${cure}`)
  }
  if (notNull && !column.notNull) refuseNulls(editing, table, column)
  if (change.type !== undefined) refuseLossy(editing, table, column.name, change.type)

  const keyed = withKey(table, column.name, definition)
  const createSql = isRebuilt ? withColumnChanged(keyed, column.name, change) : keyed
  if (createSql !== table.sql) await redefineTable(editing, table.name, createSql)
  if (notNull === column.notNull) return
  const rule = `${notNull ? 'SET' : 'DROP'} NOT NULL`
  await run(editing, `ALTER TABLE ${quote(table.name)} ALTER COLUMN ${quote(column.name)} ${rule}`)
}

type Definition = WantedKey &
  Readonly<{
    type?: unknown
    allowNull?: boolean
    defaultValue?: unknown
    unique?: unknown
    primaryKey?: boolean
    autoIncrement?: boolean
    field?: string
    values?: unknown
  }>

/** Whether it is a plain object: a DataType is a string, a function or an instance of its own class. */
const isDefinition = (wanted: unknown): wanted is Definition =>
  typeof wanted === 'object' && wanted !== null && [Object.prototype, null].includes(Object.getPrototypeOf(wanted))

/**
 * The new type and default; undefined for one that stays.
 * @throws Error if it would replace a default by one that only Sequelize can fill in, row by row
 */
const changeOf = ({ schema }: Editing, place: string, column: Column, definition: Definition): ColumnChange => {
  const { type = column.type, defaultValue, values } = definition
  const sql = columnSql(schema, { type, defaultValue, values })
  const isSameType = isSameSql(sql.type, column.type)
  const fallback = sql.fallback.replace(/^DEFAULT /, '')
  const isSame =
    defaultValue === undefined ||
    (sql.fallback === '' && column.default === null) ||
    isSameDefault(fallback, column.default, column.affinity)
  if (!isSame && sql.fallback === '') {
    const cure = 'leave defaultValue out, and let the model fill it in'
    throw new Error(`the default of ${place} is not one that SQLite can fill in: ${cure}`)
  }
  return { type: isSameType ? undefined : sql.type, fallback: isSame ? undefined : sql.fallback }
}

/** The changes in `wanted` that changeColumn cannot make, in words; with the call to use instead after a colon, if there is one. */
const refusals = (table: Table, { name, key, rowidAlias }: Column, wanted: Definition): readonly string[] => {
  const { type, allowNull, defaultValue, references, onDelete, onUpdate, field, unique, ...rest } = wanted
  const { primaryKey, autoIncrement, ...others } = rest
  const isUnique = table.indexes.some(
    ({ unique, where, parts }) =>
      unique && where === null && parts.length === 1 && parts.every(({ of }) => sameName(of, name)),
  )
  const isOther = (flag: boolean | undefined, present: boolean) => flag !== undefined && Boolean(flag) !== present
  const constraint = `('${table.name}', { type: 'unique', fields: ['${name}'] })`
  return [
    ...Object.keys(others).filter(what => !withoutEffect.has(what)),
    ...(field === undefined || sameName(field, name) ? [] : [`its name: use renameColumn`]),
    ...(unique === true && !isUnique && key === 0 ? [`unique: use addConstraint${constraint}`] : []),
    ...(unique === false && isUnique ? [`unique: use removeConstraint${constraint}`] : []),
    ...(isOther(primaryKey, key > 0) ? ['primaryKey'] : []),
    ...(isOther(autoIncrement, table.autoincrement && rowidAlias) ? ['autoIncrement'] : []),
  ]
}

const refuseNulls = ({ connection }: Editing, { name: table, columns }: Table, { name }: Column): void => {
  const nulls = describeNulls(
    { connection, table, columns: columns.map(column => column.name), from: quote(table) },
    name,
  )
  if (nulls !== undefined)
    throw new Error(`changeColumn cannot make it NOT NULL: ${nulls}; fill those before, by UPDATE or context.backfill`)
}

/** SQLite converts silently: '007' as an INTEGER becomes 7, and 2^63-1 as a REAL another number. */
const refuseLossy = ({ connection }: Editing, { name: table, strict }: Table, column: string, type: string): void => {
  const columns = strict ? `(old ANY, new ${type}) STRICT` : `(old BLOB, new ${type})`
  connection.exec(`CREATE TEMP TABLE "converted values" ${columns}`)
  try {
    connection.exec(
      `INSERT INTO temp."converted values" SELECT ${quote(column)}, ${quote(column)} FROM ${quote(table)}`,
    )
    // the + removes the columns' affinities, which would make '007' equal to 7
    const lost = connection
      .prepare<[], { old: string; new: string; rows: number }>(
        `SELECT quote(old) AS old, quote(new) AS new, count(*) OVER () AS rows FROM temp."converted values"
         WHERE +old IS NOT +new AND CAST(old AS TEXT) IS NOT CAST(new AS TEXT) LIMIT 1`,
      )
      .get()
    if (lost === undefined) return
    const others = lost.rows === 1 ? '' : `, and change ${lost.rows - 1} more`
    const how = `use context.rebuildTable with { copy: { ${column}: expression } }`
    throw new Error(`changeColumn to ${type} would make ${lost.old} in ${table}.${column} ${lost.new}${others}: ${how}`)
  } finally {
    connection.exec('DROP TABLE temp."converted values"')
  }
}
