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
  /** its text */
  sql: string
  virtual: boolean
  /** a name by which its rowid can be read; null if there is none */
  rowid: string | null
  /** it may have foreign keys: without the word REFERENCES in its text it has none */
  references: boolean
  columns: readonly PresentColumn[]
}>

type TableRow = { name: string; place: number; sql: string; virtual: number }
type ColumnRow = { name: string; type: string; pk: number; hidden: number }

/** Virtual tables that only show what is elsewhere: a table's terms, a text's tokens, the pages of the file. */
const views = /\bUSING\s*["'`[]?(?:dbstat|fts3tokenize|fts4aux|fts5vocab)\b/i

/** Whether its rows are those of another table: https://www.sqlite.org/fts5.html#external_content_and_contentless_tables */
const isOfOthers = ({ virtual, sql }: TableRow): boolean =>
  virtual === 1 && (views.test(sql) || /\bcontent\s*=\s*(?!''|"")\S/i.test(sql))

/**
 * The tables of a database with rows of its hub, in the order in which they were created.
 * @param history the name of the history table, which is left out
 * @param known what it answered before: a table of the same text is not read again
 */
export const readPresentTables = (
  connection: Connection,
  history: string,
  known: readonly PresentTable[] = [],
): readonly PresentTable[] => {
  const knownAt = new Map(known.map(table => [table.place, table]))
  const columns = connection.prepare<[string], ColumnRow>("SELECT * FROM pragma_table_xinfo(?, 'main')")
  const present = connection
    .prepare<[], TableRow>(
      `SELECT s.name, s.rowid AS place, s.sql, s.rootpage = 0 AS virtual FROM main.sqlite_schema AS s
       WHERE s.type = 'table' AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY s.rowid`,
    )
    .all()
  /** The names of tables of a kind. It reads the schema of all tables, so it is asked only where there can be one. */
  const namesOf = (kind: string): ReadonlySet<string> =>
    new Set(
      connection
        .prepare<[], string>(`SELECT name FROM pragma_table_list WHERE schema = 'main' AND ${kind}`)
        .pluck()
        .all(),
    )
  // a virtual table makes tables of like names its shadows, and so does a temporary one
  const virtual = "SELECT 1 FROM sqlite_temp_schema WHERE type = 'table' AND rootpage = 0"
  const mayHaveShadows = present.some(({ virtual }) => virtual === 1) || connection.prepare(virtual).get() !== undefined
  const shadows = mayHaveShadows ? namesOf("type = 'shadow'") : new Set<string>()
  let withoutRowid: ReadonlySet<string> | undefined
  const isWithoutRowid = ({ name, sql }: TableRow): boolean => {
    if (!/without/i.test(sql)) return false
    withoutRowid ??= namesOf('wr = 1')
    return withoutRowid.has(name)
  }
  return present
    .filter(table => !(sameName(table.name, history) || isOfOthers(table) || shadows.has(table.name)))
    .map(table => {
      const { name, place, sql, virtual } = table
      const same = knownAt.get(place)
      if (same?.virtual === false && virtual === 0 && same.name === name && same.sql === sql) return same
      const read = unlessUnknownHere(() => columns.all(name)).flat()
      const stored = read.map(({ name, type, pk, hidden }) => ({
        ...{ name, type, key: pk },
        stored: hidden === 0,
      }))
      const rowid = isWithoutRowid(table) ? undefined : freeRowidName(stored.map(column => column.name))
      const references = virtual === 0 && /references/i.test(sql)
      return { name, place, sql, virtual: virtual === 1, rowid: rowid ?? null, references, columns: stored }
    })
}
