import { must } from '../../failure.ts'
import { compareSchemas, describeIndex, type Finding } from '../schema/compare.ts'
import { type Index, readSchema, readTable, type Table } from '../schema/read.ts'
import { readTableText } from '../schema/text.ts'
import { hasName, isSameSql, quote, sameName, tokensOf, unquote, wordAt } from '../sql.ts'
import { describeAlike } from './broken-rows.ts'
import { type Editing, findTable, inMemory, run } from './editing.ts'

/**
 * Whether the table of a CREATE TABLE exists already, so that IF NOT EXISTS would do nothing.
 * @param adopted whether another tool made the database, as for compareSchemas
 * @throws Error if a different table or a view of that name exists
 */
export const isTableThere = ({ connection }: Editing, createSql: string, adopted: boolean): boolean => {
  const { name } = readTableText(createSql)
  const find = "SELECT type FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')"
  const kind = connection.prepare<[string], string>(find).pluck().get(name)
  if (kind === undefined) return false
  const present = readTable(connection, name)
  if (present === undefined) throw new Error(`createTable of ${name}: there is a ${kind} of that name already`)
  const asked = inMemory([createSql], readSchema)
  // ignore named indexes: a later call may ask for them
  const unnamed = { ...present, indexes: present.indexes.filter(index => index.name === null) }
  const found = { tables: [unnamed], views: [], triggers: [] }
  const differences = compareSchemas(asked, found, { adopted }).filter(({ weight }) => weight === 'difference')
  if (differences.length === 0) return true
  const cure = 'change that one by addColumn, changeColumn and the like, or use dropTable first'
  throw new Error(
    `createTable of ${name}: a different table of that name already exists: ${differences.map(describe).join('; ')}: ${cure}`,
  )
}

/** `column config.value missing: TEXT NOT NULL is asked for, nothing is there` */
const describe = ({ object, what, expected, found }: Finding): string =>
  `${object} ${what}: ${expected ?? 'nothing'} is asked for, ${found ?? 'nothing'} is there`

/** @throws Error if there is no such table: DROP TABLE IF EXISTS would silently do nothing */
export const findTableToDrop = ({ connection }: Editing, name: string): void => {
  const find = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE NOCASE"
  if (connection.prepare(find).get(name) !== undefined) return
  const cure = 'One that may be missing is dropped by dropTable(table, { force: true })'
  throw new Error(`there is no table ${name} to drop. ${cure}`)
}

/**
 * Runs a CREATE INDEX, unless an identical index exists.
 * @throws Error if an index of that name exists in another form, or if rows break a unique index
 */
export const createIndex = async (editing: Editing, tableName: string, sql: string): Promise<void> => {
  const { connection } = editing
  const table = findTable(editing, tableName)
  const name = indexNameIn(sql)
  const asked = inMemory([table.sql, sql], memory => indexesNamed(readTable(memory, table.name), name))
  const owner = ownerOf(editing, name)
  if (owner === undefined) {
    const columns = table.columns.map(column => column.name)
    const parts = asked.flatMap(index => (index.unique && index.where === null ? index.parts.map(({ of }) => of) : []))
    const rows = { connection, table: table.name, columns, from: quote(table.name) }
    const alike =
      parts.length > 0 && parts.every(part => hasName(columns, part)) ? describeAlike(rows, parts) : undefined
    if (alike !== undefined) throw new Error(`the index ${name} cannot be made unique: ${alike}`)
    return run(editing, sql)
  }
  const present = indexesNamed(readTable(connection, owner), name)
  const [is, shall] = [describeOn(owner, present), describeOn(table.name, asked)]
  if (isSameSql(is, shall)) return
  const cure = `use removeIndex('${owner}', '${name}') first, or another name`
  throw new Error(`there is an index ${name} with a different definition already: ${is}, not ${shall}: ${cure}`)
}

/** The name of the index in a CREATE INDEX. */
export const indexNameIn = (sql: string): string => {
  const tokens = tokensOf(sql)
  return unquote(wordAt(tokens, tokens.findIndex(({ text }) => /^INDEX$/i.test(text)) + 1))
}

/**
 * Drops an index of a table.
 * @throws Error if there is none of that name, or if it belongs to another table or to a UNIQUE inside CREATE TABLE
 */
export const dropIndex = async (editing: Editing, tableName: string, name: string): Promise<void> => {
  const table = findTable(editing, tableName)
  const owner = ownerOf(editing, name)
  const cure = 'An index that may be missing is dropped by DROP INDEX IF EXISTS, with context.sequelize.query'
  if (owner === undefined) throw new Error(`there is no index ${name} on ${table.name}. ${cure}`)
  if (!sameName(owner, table.name)) throw new Error(`the index ${name} is on ${owner}, not on ${table.name}`)
  await run(editing, `DROP INDEX ${quote(name)}`)
}

/** The table of an index made by CREATE INDEX; undefined if there is none of that name. */
const ownerOf = ({ connection }: Editing, name: string): string | undefined =>
  connection
    .prepare<[string], string>(
      "SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND name = ? COLLATE NOCASE",
    )
    .pluck()
    .get(name)

const indexesNamed = (table: Table | undefined, name: string): readonly Index[] =>
  must(table).indexes.filter(index => index.name !== null && sameName(index.name, name))

/** `servers UNIQUE (name)` */
const describeOn = (table: string, indexes: readonly Index[]): string =>
  indexes.map(index => `${table} ${describeIndex(index)}`).join()
