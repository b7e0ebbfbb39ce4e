import type { Connection } from '../database/open.ts'
import { historyTable } from './history.ts'

export type Column = Readonly<{
  name: string
  /** as declared; empty where it has none */
  type: string
  notNull: boolean
  /** the SQL of its default; null where it has none */
  default: string | null
  /** its place in the primary key, from 1; 0 where it is not in it */
  key: number
  generated: 'virtual' | 'stored' | null
}>

export type Index = Readonly<{
  /** null for a UNIQUE inside CREATE TABLE */
  name: string | null
  unique: boolean
  /** columns, or `expression` */
  parts: readonly Readonly<{ of: string }>[]
  /** null where it has no name */
  sql: string | null
}>

export type ForeignKey = Readonly<{
  columns: readonly string[]
  parent: string
  /** columns of the parent; where the text names none, its primary key */
  parentColumns: readonly string[]
}>

export type Table = Readonly<{
  name: string
  autoincrement: boolean
  columns: readonly Column[]
  foreignKeys: readonly ForeignKey[]
  /** without that of the primary key */
  indexes: readonly Index[]
  sql: string
}>

export type Trigger = Readonly<{ name: string; table: string; sql: string }>
export type View = Readonly<{ name: string; sql: string }>

/** What a database consists of, each kind by name: all that migrations change, so neither rows nor the history. */
export type Structure = Readonly<{
  tables: readonly Table[]
  views: readonly View[]
  triggers: readonly Trigger[]
}>

/** The tables that another structure has not, by name. */
export const without = ({ tables }: Structure, other: Structure): readonly Table[] =>
  tables.filter(({ name }) => !other.tables.some(table => table.name === name))

/** Reads a structure by PRAGMA, as it is at this moment of a transaction. */
export const readStructure = (connection: Connection): Structure => {
  const named = (type: string) =>
    connection
      .prepare<[string], Trigger>('SELECT name, tbl_name AS "table", sql FROM sqlite_schema WHERE type = ? ORDER BY 1')
      .all(type)
  const own = connection
    .prepare<[string], string>(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')
       AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name <> ?`,
    )
    .pluck()
    .all(historyTable)
  return {
    tables: named('table')
      .filter(({ name }) => own.includes(name))
      .map(({ name, sql }) => readTable(connection, name, sql)),
    views: named('view').map(({ name, sql }) => ({ name, sql })),
    triggers: named('trigger'),
  }
}

const readTable = (connection: Connection, name: string, sql: string): Table => ({
  name,
  autoincrement: /\bAUTOINCREMENT\b/i.test(sql),
  columns: readColumns(connection, name),
  foreignKeys: readForeignKeys(connection, name),
  indexes: readIndexes(connection, name),
  sql,
})

type ColumnRow = { name: string; type: string; notnull: number; dflt_value: string | null; pk: number; hidden: number }

const readColumns = (connection: Connection, table: string): readonly Column[] =>
  connection
    .prepare<[string], ColumnRow>('SELECT * FROM pragma_table_xinfo(?)')
    .all(table)
    .map(({ name, type, notnull, dflt_value, pk, hidden }) => ({
      name,
      type,
      notNull: notnull === 1,
      // DEFAULT NULL is what a column has that says nothing
      default: dflt_value?.toUpperCase() === 'NULL' ? null : dflt_value,
      key: pk,
      generated: hidden === 2 ? 'virtual' : hidden === 3 ? 'stored' : null,
    }))

type IndexRow = { name: string; unique: number; sql: string | null }

const readIndexes = (connection: Connection, table: string): readonly Index[] => {
  const parts = connection.prepare<[string], { of: string }>(
    `SELECT coalesce(name, 'expression') AS "of" FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno`,
  )
  return connection
    .prepare<[string], IndexRow>(
      `SELECT l.name, l."unique", s.sql FROM pragma_index_list(?) AS l
       LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name WHERE l.origin <> 'pk' ORDER BY l.name`,
    )
    .all(table)
    .map(({ name, unique, sql }) => ({
      name: sql === null ? null : name,
      unique: unique === 1,
      parts: parts.all(name),
      sql,
    }))
}

type KeyRow = { id: number; table: string; from: string; to: string | null }

const readForeignKeys = (connection: Connection, table: string): readonly ForeignKey[] => {
  const rows = connection
    .prepare<[string], KeyRow>('SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq')
    .all(table)
  const primaryKey = connection
    .prepare<[string], string>('SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0 ORDER BY pk')
    .pluck()
  return [...Map.groupBy(rows, ({ id }) => id).values()].flatMap(parts => {
    const named = parts.flatMap(({ to }) => to ?? [])
    return parts.slice(0, 1).map(({ table: parent }) => ({
      columns: parts.map(({ from }) => from),
      parent,
      parentColumns: named.length > 0 ? named : primaryKey.all(parent),
    }))
  })
}
