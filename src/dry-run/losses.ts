import type { Connection } from '../sqlite/connect.ts'
import { type Schema, type Table, without } from '../sqlite/schema/read.ts'
import { hasName, keywordOf, quote, sameName, tokensOf, unquote, wordAt } from '../sqlite/sql.ts'
import { formatThings } from '../text.ts'
import { isKept, type Lineage, lineagesOf } from './lineage.ts'
import { afterOf, type Recording } from './record.ts'

/** Rows or values that a migration deleted or changed. */
export type Lost = Readonly<{
  /** a table, a column (`servers.room`), or `statements` */
  of: string
  /** how many rows or values are gone or changed */
  number: number
  /** the loss as a sentence */
  text: string
}>

/**
 * Columns that lost more values than rows went.
 * @param goneFrom how many rows are known to have gone from a table
 */
export const lostValues = (
  recording: Recording,
  before: readonly Values[],
  after: readonly Values[],
  goneFrom: (lineage: Lineage) => number,
): readonly Lost[] =>
  lineagesOf(recording).flatMap(lineage => {
    const { old, now, columns } = lineage
    return before
      .filter(({ table }) => sameName(table, old.name))
      .flatMap(({ column, number: had }) => {
        // a dropped table keeps no values, though another table may have its name now
        const isIt = (other: Values) =>
          sameName(other.table, String(now?.name)) && sameName(other.column, String(columns.get(column)))
        const left = after.find(isIt)?.number ?? 0
        if (had - left <= goneFrom(lineage)) return []
        const of = `${old.name}.${column}`
        return [{ of, number: had - left, text: `${of} had ${formatThings(had, 'value')} and has ${left} after it` }]
      })
  })

/** The number of values of a column that are not NULL. */
export type Values = Readonly<{ table: string; column: string; number: number }>

/** Counts the values of all columns except generated ones and those of virtual tables. Reads every row. */
export const countValues = (connection: Connection, { tables }: Schema): readonly Values[] =>
  tables.flatMap(one => {
    const table = one.name
    const own = ownColumns(one).map(quote)
    if (own.length === 0) return []
    const counts = own.map(column => `count(${column}) AS ${column}`)
    const rows = connection
      .prepare<[], Record<string, number>>(`SELECT ${counts.join(', ')} FROM ${quote(table)}`)
      .all()
    return rows.flatMap(row => Object.entries(row).map(([column, number]) => ({ table, column, number })))
  })

/**
 * Sums the values of tables that are about to be dropped: the table that replaces one may hold as many values, but other ones,
 * which counting would not show.
 */
export const watchDropped = (connection: Connection) => {
  /** column sums of each dropped table, by its name when it was dropped */
  const dropped = new Map<string, ReadonlyMap<string, number>>()

  /** Call before each statement; reads a table only if its rows were copied before. */
  const beforeStatement = (sql: string, recording: Recording): void => {
    if (keywordOf(sql) !== 'DROP') return
    const words = tokensOf(sql).filter(({ text }) => text !== ';')
    const named = unquote(wordAt(words, -1))
    const tables = afterOf(recording).tables.filter(({ name }) => sameName(name, named))
    for (const table of tables.filter(({ name }) =>
      recording.steps.some(({ touched }) => hasName(touched.reads, name)),
    ))
      dropped.set(table.name, sumValues(connection, table.name, keyOf(table), ownColumns(table)))
  }

  /** Columns of rebuilt tables that have other values, or values of another type, than in the old table. */
  const changed = (recording: Recording, before: readonly Values[]): readonly Lost[] =>
    lineagesOf(recording)
      .filter(isKept)
      .flatMap(({ old, now, rebuilt, columns, lastColumns }) => {
        if (rebuilt === undefined) return []
        const names = [...columns].map(([first, present]) => ({ first, present, last: lastColumns.get(first) }))
        return without(rebuilt.before, rebuilt.after).flatMap(table => {
          const key = keyOf(table).flatMap(column => names.filter(({ last }) => sameName(String(last), column)))
          const sums = sumValues(
            connection,
            now.name,
            key.map(({ present }) => present),
            [...columns.values()],
          )
          const then = dropped.get(table.name)
          return before
            .filter(values => sameName(values.table, old.name) && values.number > 0)
            .flatMap(({ column, number }) => {
              const name = names.find(({ first }) => sameName(first, column))
              if (name === undefined || sums.get(name.present) === then?.get(String(name.last))) return []
              const of = `${old.name}.${column}`
              return [
                { of, number, text: `${of} had ${formatThings(number, 'value')} and has different ones after it` },
              ]
            })
        })
      })

  return { beforeStatement, changed }
}

const keyOf = ({ columns }: Table): readonly string[] => columns.filter(({ key }) => key > 0).map(({ name }) => name)

const ownColumns = ({ columns }: Table): readonly string[] =>
  columns.filter(({ generated }) => generated === null).map(({ name }) => name)

/**
 * One checksum per column, which changes if a row has another value or one of another type, but not with the order of rows.
 * Reads every row: 2 s for a million rows of six columns.
 * @param key columns that identify a row; without any, values swapped between rows go unnoticed
 */
export const sumValues = (
  connection: Connection,
  table: string,
  key: readonly string[],
  columns: readonly string[],
): ReadonlyMap<string, number> => {
  const row = ["''", ...key.map(column => `quote(CAST(${quote(column)} AS TEXT))`)].join(' || ')
  const values = columns.map(column => `quote(${quote(column)})`)
  const rows = connection.prepare<[], readonly string[]>(`SELECT ${[row, ...values].join(', ')} FROM ${quote(table)}`)
  let sums = columns.map(() => 0)
  for (const [which, ...what] of rows.raw().iterate())
    sums = sums.map((sum, index) => (sum + hash(`${which}=${what[index]}`)) >>> 0)
  return new Map(columns.map((column, index) => [column, Number(sums[index])]))
}

/** FNV-1a and the final mix of MurmurHash3, without which similar texts would have similar sums. */
const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}
