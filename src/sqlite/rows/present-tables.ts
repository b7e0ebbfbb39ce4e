import type { Connection } from '../connect.ts'
import { unlessUnknownHere } from '../errors.ts'
import { freeRowidName, sameName } from '../sql.ts'

export type PresentColumn = Readonly<{
  name: string
  /** as declared */
  type: string
  /** its position in the primary key, from 1; 0 if it is not part of it */
  key: number
  /** not generated */
  stored: boolean
}>

/** A table with rows of the hub: neither SQLite's own, nor a shadow table of a virtual table. */
export type PresentTable = Readonly<{
  name: string
  /** its rowid in sqlite_schema, which a rename keeps */
  place: number
  virtual: boolean
  /** a name by which its rowid can be read; null if there is none */
  rowid: string | null
  columns: readonly PresentColumn[]
}>

type TableRow = { name: string; place: number; sql: string; virtual: number; withoutRowid: number }
type ColumnRow = { name: string; type: string; pk: number; hidden: number }

/** Whether it indexes rows of another table: https://www.sqlite.org/fts5.html#external_content_and_contentless_tables */
const isIndexOfOthers = ({ virtual, sql }: TableRow): boolean =>
  virtual === 1 && /\bcontent\s*=\s*(?!''|"")\S/i.test(sql)

/**
 * The tables of a database with rows of its hub, in the order in which they were created.
 * @param history the name of the history table, which is left out
 * @param known what it answered before: a table of the same text is not read again
 * @returns the tables, by a text that says all of them
 */
export const readPresentTables = (
  connection: Connection,
  history: string,
  known: ReadonlyMap<string, PresentTable> = new Map(),
): ReadonlyMap<string, PresentTable> => {
  const columns = connection.prepare<[string], ColumnRow>("SELECT * FROM pragma_table_xinfo(?, 'main')")
  const tables = connection
    .prepare<[], TableRow>(
      `SELECT s.name, s.rowid AS place, s.sql, l.type = 'virtual' AS virtual, l.wr AS withoutRowid
       FROM main.sqlite_schema AS s JOIN pragma_table_list AS l
         ON l.schema = 'main' AND l.name = s.name AND l.type IN ('table', 'virtual')
       WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.rowid`,
    )
    .all()
    .filter(table => !sameName(table.name, history) && !isIndexOfOthers(table))
    .map(({ name, place, sql, virtual, withoutRowid }) => {
      const key = JSON.stringify([name, place, sql])
      const same = virtual === 1 ? undefined : known.get(key)
      if (same !== undefined) return [key, same] as const
      const read = unlessUnknownHere(() => columns.all(name)).flat()
      const stored = read.map(({ name, type, pk, hidden }) => ({
        ...{ name, type, key: pk },
        stored: hidden === 0,
      }))
      const rowid = withoutRowid === 1 ? undefined : freeRowidName(stored.map(column => column.name))
      return [key, { name, place, virtual: virtual === 1, rowid: rowid ?? null, columns: stored }] as const
    })
  return new Map(tables)
}
