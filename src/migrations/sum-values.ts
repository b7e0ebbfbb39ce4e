import type { Connection } from '../database/open.ts'
import { quote } from '../database/tokens.ts'

/**
 * By column one number for all its values, which is another one where a row has another value, or one of another type; the
 * order of rows does not count. Reads every row: 2 s for a million rows of six columns.
 * @param key columns that tell the rows apart; without any, values that changed places are not noticed
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

/** FNV-1a, and the last step of MurmurHash3, without which texts that are much alike would have sums that are alike. */
const hash = (text: string): number => {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}
