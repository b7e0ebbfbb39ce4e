import type { Connection } from './open.ts'
import { elementsOf, type Token, textOf, tokensOf, wordAt } from './tokens.ts'

export type Index = Readonly<{
  /** null for a UNIQUE inside CREATE TABLE, which has none that can be used */
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
  /** the text that made it; null where it has no name */
  sql: string | null
}>

type Row = { name: string; unique: number; origin: 'c' | 'u' | 'pk'; sql: string | null }
type PartRow = { name: string | null; desc: number; coll: string }

/** The indexes of a table by name, save that of its primary key; and whether it has one for that. */
export const readIndexes = (
  connection: Connection,
  table: string,
): Readonly<{ indexes: readonly Index[]; hasKeyIndex: boolean }> => {
  const rows = connection
    .prepare<[string], Row>(
      `SELECT l.name, l."unique", l.origin, s.sql FROM pragma_index_list(?) AS l
       LEFT JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = l.name ORDER BY l.name`,
    )
    .all(table)
  return {
    indexes: rows.filter(({ origin }) => origin !== 'pk').map(row => readIndex(connection, row)),
    hasKeyIndex: rows.some(({ origin }) => origin === 'pk'),
  }
}

const readIndex = (connection: Connection, { name, unique, sql }: Row): Index => {
  const text = sql ?? ''
  const elements = elementsOf(text)
  const tokens = tokensOf(text)
  const where = tokens.findIndex(({ text, depth }) => depth === 0 && /^WHERE$/i.test(text))
  const parts = connection
    .prepare<[string], PartRow>('SELECT name, "desc", coll FROM pragma_index_xinfo(?) WHERE key = 1 ORDER BY seqno')
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

/** Without the COLLATE, ASC and DESC at its end, which SQLite tells by themselves. */
const expressionOf = (element: readonly Token[]): string => {
  const order = /^(?:ASC|DESC)$/i.test(wordAt(element, -1)) ? element.slice(0, -1) : element
  return textOf(/^COLLATE$/i.test(wordAt(order, -2)) ? order.slice(0, -2) : order)
}
