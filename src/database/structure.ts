import { type Column, readColumns } from './columns.ts'
import { type ForeignKey, readForeignKeys } from './foreign-keys.ts'
import { type Index, readIndexes } from './indexes.ts'
import type { Connection } from './open.ts'
import { readTableText } from './table-text.ts'
import { readViews, type View } from './views.ts'

export type Table = Readonly<{
  name: string
  /** a virtual table is what its text says: nothing more is read of it */
  virtual: boolean
  withoutRowid: boolean
  strict: boolean
  autoincrement: boolean
  columns: readonly Column[]
  foreignKeys: readonly ForeignKey[]
  indexes: readonly Index[]
  /** expressions, without CHECK and parentheses */
  checks: readonly string[]
  /** what a broken constraint does other than refuse: `hostname NOT NULL ON CONFLICT IGNORE` */
  onConflict: readonly string[]
  /** the text that made it */
  sql: string
}>

export type Trigger = Readonly<{ name: string; table: string; sql: string }>

/** What a database consists of, each kind by name. Rows are no part of it, nor are SQLite's own tables. */
export type Structure = Readonly<{
  tables: readonly Table[]
  views: readonly View[]
  triggers: readonly Trigger[]
}>

/** The tables that another structure has not, by name. */
export const without = ({ tables }: Structure, other: Structure): readonly Table[] =>
  tables.filter(({ name }) => !other.tables.some(table => table.name === name))

/**
 * Reads a structure by PRAGMA, and what no PRAGMA tells out of the texts that SQLite keeps: generated columns, collations,
 * CHECK, AUTOINCREMENT, ON CONFLICT, DEFERRED, and the conditions and expressions of indexes.
 */
export const readStructure = (connection: Connection): Structure => ({
  tables: readTables(connection),
  views: readViews(connection),
  triggers: connection
    .prepare<[], Trigger>(
      `SELECT name, tbl_name AS "table", sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name`,
    )
    .all(),
})

type Row = { name: string; sql: string; virtual: number; wr: number; strict: number }

/** Without the tables in which a virtual one keeps its content, which come and go with it. */
const readTables = (connection: Connection): readonly Table[] =>
  connection
    .prepare<[], Row>(
      `SELECT l.name, s.sql, l.type = 'virtual' AS virtual, l.wr, l.strict FROM pragma_table_list AS l
       JOIN sqlite_schema AS s ON s.type = 'table' AND s.name = l.name
       WHERE l.schema = 'main' AND l.type IN ('table', 'virtual') AND l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
       ORDER BY l.name`,
    )
    .all()
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
