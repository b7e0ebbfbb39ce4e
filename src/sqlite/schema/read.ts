import { attempt } from '../../failure.ts'
import { historyTable } from '../../history.ts'
import type { Connection } from '../connect.ts'
import { sqliteError } from '../errors.ts'
import { isOfReplication } from '../reader.ts'
import { elementsOf, foldName, quote, sameName, type Token, textOf, tokensOf, wordAt } from '../sql.ts'
import { readTableText, type TableText } from './text.ts'

export type Table = Readonly<{
  name: string
  /** if true only `name` and `sql` are read: the text defines a virtual table */
  virtual: boolean
  withoutRowid: boolean
  strict: boolean
  autoincrement: boolean
  columns: readonly Column[]
  foreignKeys: readonly ForeignKey[]
  indexes: readonly Index[]
  /** expressions, without CHECK and parentheses */
  checks: readonly string[]
  /** constraints with a conflict clause: `hostname NOT NULL ON CONFLICT IGNORE` */
  onConflict: readonly string[]
  /** its CREATE statement */
  sql: string
}>

export type Trigger = Readonly<{ name: string; table: string; sql: string }>

/** The objects of a database, each kind sorted by name; without rows and SQLite's own tables. */
export type Schema = Readonly<{
  tables: readonly Table[]
  views: readonly View[]
  triggers: readonly Trigger[]
}>

/** The names of all tables, sorted; without SQLite's own, and without the shadow tables of virtual tables. */
export const tableNames = (connection: Connection): readonly string[] =>
  connection
    .prepare<[], string>(
      `SELECT name FROM pragma_table_list
       WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
    )
    .pluck()
    .all()

/** The first table, by name, that is neither the history nor from a replication tool; undefined if there is none. */
export const findStrangersTable = (connection: Connection): string | undefined =>
  tableNames(connection).find(name => !sameName(name, historyTable) && !isOfReplication(name))

/** The tables whose names the other schema lacks. */
export const without = ({ tables }: Schema, other: Schema): readonly Table[] =>
  tables.filter(({ name }) => tableNamed(other, name) === undefined)

export const tableNamed = ({ tables }: Schema, name: string): Table | undefined =>
  tables.find(table => sameName(table.name, name))

/**
 * Reads a schema by PRAGMA, and from the CREATE texts what no PRAGMA tells: generated columns, collations, CHECK, AUTOINCREMENT,
 * ON CONFLICT, DEFERRED, and the conditions and expressions of indexes.
 */
export const readSchema = (connection: Connection): Schema => ({
  tables: readTables(connection, null),
  views: readViews(connection),
  triggers: connection
    .prepare<[], Trigger>(
      `SELECT name, tbl_name AS "table", sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`,
    )
    .all(),
})

type ObjectRow = { name: string; sql: string; virtual: number; wr: number; strict: number }

/** One table by name, as in readSchema; undefined if there is none. */
export const readTable = (connection: Connection, name: string): Table | undefined => readTables(connection, name)[0]

/** Skips the shadow tables of virtual tables, which come and go with them. @param only the name of one table; null for all */
const readTables = (connection: Connection, only: string | null): readonly Table[] =>
  connection
    .prepare<[string | null], ObjectRow>(
      `SELECT l.name, s.sql, l.type = 'virtual' AS virtual, l.wr, l.strict FROM pragma_table_list AS l
       JOIN sqlite_schema AS s ON s.type = 'table' AND s.name = l.name
       WHERE l.name = coalesce(?, l.name) COLLATE NOCASE AND l.schema = 'main' AND l.type IN ('table', 'virtual') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       ORDER BY l.name`,
    )
    .all(only)
    .map(({ name, sql, virtual, wr, strict }) => ({
      name,
      virtual: virtual === 1,
      withoutRowid: wr === 1,
      strict: strict === 1,
      ...(virtual === 1 ? nothing : readContent(connection, name, sql)),
      sql,
    }))

type Content = Pick<Table, 'autoincrement' | 'columns' | 'foreignKeys' | 'indexes' | 'checks' | 'onConflict'>

const nothing: Content = {
  autoincrement: false,
  columns: [],
  foreignKeys: [],
  indexes: [],
  checks: [],
  onConflict: [],
}

const readContent = (connection: Connection, name: string, sql: string): Content => {
  const text = readTableText(sql)
  const { indexes, hasKeyIndex } = readIndexes(connection, name)
  return {
    autoincrement: text.autoincrement,
    columns: readColumns(connection, name, text, hasKeyIndex),
    foreignKeys: readForeignKeys(connection, name, text),
    indexes,
    checks: text.checks,
    onConflict: text.onConflict,
  }
}

export type Column = Readonly<{
  name: string
  /** as declared; empty if it has none */
  type: string
  affinity: Affinity
  /** declared NOT NULL, or an alias of the rowid */
  notNull: boolean
  /** the SQL of its default; null if it has none */
  default: string | null
  /** its position in the primary key, from 1; 0 if it is not part of it */
  key: number
  /** INTEGER PRIMARY KEY: an alias of the rowid, so SQLite assigns its values */
  rowidAlias: boolean
  generated: Readonly<{ kind: 'virtual' | 'stored'; expression: string }> | null
  collation: string
}>

type ColumnRow = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number; hidden: number }

/**
 * The columns of a table in their order.
 * @param hasKeyIndex whether the primary key has its own index: only a rowid alias has none
 */
const readColumns = (connection: Connection, table: string, text: TableText, hasKeyIndex: boolean): readonly Column[] =>
  connection
    .prepare<[string], ColumnRow>("SELECT * FROM pragma_table_xinfo(?, 'main')")
    .all(table)
    .map(({ name, type, notnull, dflt_value, pk, hidden }) => {
      const written = text.columns.find(column => sameName(column.name, name))
      const { collation, expression } = { collation: 'BINARY', expression: '', ...written }
      const rowidAlias = pk > 0 && !hasKeyIndex
      return {
        name,
        type,
        affinity: affinityOf(type),
        notNull: notnull === 1 || rowidAlias,
        // DEFAULT NULL is the same as no default
        default: dflt_value?.toUpperCase() === 'NULL' ? null : dflt_value,
        key: pk,
        rowidAlias,
        generated: hidden < 2 ? null : { kind: hidden === 3 ? 'stored' : 'virtual', expression: String(expression) },
        collation,
      }
    })

export type Index = Readonly<{
  /** null for a UNIQUE inside CREATE TABLE: SQLite's automatic name cannot be used */
  name: string | null
  unique: boolean
  parts: readonly Readonly<{
    /** a column, or the SQL of an expression */
    of: string
    collation: string
    descending: boolean
  }>[]
  /** the condition of a partial index, without WHERE */
  where: string | null
  /** its CREATE statement; null if it has no name */
  sql: string | null
}>

type IndexRow = { name: string; unique: number; origin: 'c' | 'u' | 'pk'; sql: string | null }
type PartRow = { name: string | null; desc: number; coll: string }

/** The indexes of a table sorted by name, except that of the primary key; `hasKeyIndex` tells whether there is one. */
export const readIndexes = (
  connection: Connection,
  table: string,
): Readonly<{ indexes: readonly Index[]; hasKeyIndex: boolean }> => {
  const rows = connection
    .prepare<[string], IndexRow>(
      `SELECT l.name, l."unique", l.origin, s.sql FROM pragma_index_list(?, 'main') AS l
       LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name COLLATE NOCASE ORDER BY l.name`,
    )
    .all(table)
  return {
    indexes: rows.filter(({ origin }) => origin !== 'pk').map(row => readIndex(connection, row)),
    hasKeyIndex: rows.some(({ origin }) => origin === 'pk'),
  }
}

const readIndex = (connection: Connection, { name, unique, sql }: IndexRow): Index => {
  const text = sql ?? ''
  const elements = elementsOf(text)
  const tokens = tokensOf(text)
  const where = tokens.findIndex(({ text, depth }) => depth === 0 && /^WHERE$/i.test(text))
  const parts = connection
    .prepare<[string], PartRow>(
      `SELECT name, "desc", coll FROM pragma_index_xinfo(?, 'main') WHERE key = 1 ORDER BY seqno`,
    )
    .all(name)
  return {
    name: sql === null ? null : name,
    unique: unique === 1,
    parts: parts.map(({ name: column, desc, coll }, index) => ({
      of: column ?? expressionOf(elements.slice(index, index + 1).flat()),
      collation: coll.toUpperCase(),
      descending: desc === 1,
    })),
    where: where === -1 ? null : textOf(tokens.slice(where + 1)),
    sql,
  }
}

/** An indexed expression without its trailing COLLATE, ASC and DESC, which the PRAGMA reports. */
const expressionOf = (element: readonly Token[]): string => {
  const order = /^(?:ASC|DESC)$/i.test(wordAt(element, -1)) ? element.slice(0, -1) : element
  return textOf(/^COLLATE$/i.test(wordAt(order, -2)) ? order.slice(0, -2) : order)
}

export type ForeignKey = Readonly<{
  columns: readonly string[]
  parent: string
  /** columns of the parent; its primary key if the text names none */
  parentColumns: readonly string[]
  onUpdate: string
  onDelete: string
  /** checked at COMMIT, not at each statement */
  deferred: boolean
}>

type ForeignKeyRow = {
  id: number
  table: string
  from: string
  to: string | null
  on_update: string
  on_delete: string
}

/** A function that reads the columns of a table's primary key, in its order; prepared once, for many tables. */
export const preparePrimaryKey = (connection: Connection): ((table: string) => readonly string[]) => {
  const statement = connection
    .prepare<[string], string>("SELECT name FROM pragma_table_xinfo(?, 'main') WHERE pk > 0 ORDER BY pk")
    .pluck()
  return table => statement.all(table)
}

/** The foreign keys of a table, sorted by columns and parent. */
export const readForeignKeys = (connection: Connection, table: string, text: TableText): readonly ForeignKey[] => {
  // SQLite numbers them from the last in the text to the first
  const rows = connection
    .prepare<[string], ForeignKeyRow>("SELECT * FROM pragma_foreign_key_list(?, 'main') ORDER BY id DESC, seq")
    .all(table)
  const primaryKeyOf = preparePrimaryKey(connection)
  const keys = [...Map.groupBy(rows, ({ id }) => id).values()].flatMap((parts, place) => {
    const columns = parts.map(({ from }) => from)
    const named = parts.flatMap(({ to }) => to ?? [])
    return parts.slice(0, 1).map(({ table: parent, on_update, on_delete }) => ({
      columns,
      parent,
      parentColumns: named.length > 0 ? named : primaryKeyOf(parent),
      onUpdate: on_update,
      onDelete: on_delete,
      deferred: text.foreignKeys[place]?.deferred === true,
    }))
  })
  const order = ({ columns, parent }: ForeignKey) => [...columns, parent].map(foldName).join('\0')
  return keys.sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

export type View = Readonly<{
  name: string
  sql: string
  /** why it cannot be read, such as a missing table; null if it can */
  error: string | null
}>

/** The views of a database, sorted by name. SQLite keeps a view whose tables are gone, and fails only when it is read. */
export const readViews = (connection: Connection): readonly View[] =>
  connection
    .prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'view' ORDER BY name")
    .all()
    .map(view => ({ ...view, error: errorOf(connection, view.name) }))

/** A view is not broken because this program lacks a function, module or collation of the hub. */
const notHere = /^no such (?:function|module|collation sequence)\b/

const errorOf = (connection: Connection, name: string): string | null => {
  const outcome = attempt(() => connection.prepare(`SELECT * FROM main.${quote(name)} LIMIT 0`))
  const said = 'value' in outcome ? undefined : sqliteError(outcome.error)
  return said === undefined || notHere.test(said.message) ? null : said.message
}

export type Affinity = 'INTEGER' | 'TEXT' | 'BLOB' | 'REAL' | 'NUMERIC'

/**
 * The affinity of a declared type; the name itself matters only for `INTEGER PRIMARY KEY` and in STRICT tables.
 * SQLite's five rules, in its order: https://www.sqlite.org/datatype3.html#determination_of_column_affinity
 */
export const affinityOf = (type: string): Affinity => {
  if (/INT/i.test(type)) return 'INTEGER'
  if (/CHAR|CLOB|TEXT/i.test(type)) return 'TEXT'
  if (type === '' || /BLOB/i.test(type)) return 'BLOB'
  return /REAL|FLOA|DOUB/i.test(type) ? 'REAL' : 'NUMERIC'
}

/** The schema without the history table, which belongs to this program or another migration tool, and its triggers. */
export const readAppSchema = (connection: Connection): Schema => {
  const { tables, views, triggers } = readSchema(connection)
  return {
    tables: tables.filter(({ name }) => !sameName(name, historyTable)),
    views,
    triggers: triggers.filter(({ table }) => !sameName(table, historyTable)),
  }
}
