import type { BackfillOptions, OnProgress } from '../../engine.ts'
import { quote } from '../sql.ts'
import { type Editing, findTable, withTransaction } from './editing.ts'
import { rowidOf } from './rebuild.ts'

const belowAnyRowid = -1e19

/**
 * Runs a data change in batches, to show progress and handle signals in between. All batches are in the migration's transaction:
 * it is still all or nothing.
 * @param sql a statement with `$first` and `$last`, the rowids of a batch: `UPDATE metrics SET ... WHERE id BETWEEN $first AND $last`
 * @throws Error if the statement lacks them, `batch` is not a positive integer, or the table has no rowids
 */
export const backfill = async (
  { connection, schema, transaction }: Editing,
  sql: string,
  { table, batch = 10_000 }: BackfillOptions,
  onProgress: OnProgress | undefined,
): Promise<void> => {
  if (!/\$first\b/.test(sql) || !/\$last\b/.test(sql)) {
    throw new Error(`backfill of ${table} needs a statement with "BETWEEN $first AND $last", not: ${sql}`)
  }
  if (!(Number.isSafeInteger(batch) && batch > 0))
    throw new Error(`backfill of ${table} cannot work in batches of ${batch} rows`)
  const own = findTable({ connection, schema }, table)
  const rowid = rowidOf(own)
  if (rowid === undefined) throw new Error(`backfill of ${table} is not possible: it has no rowid to go by`)

  const from = `FROM ${quote(own.name)}`
  const read = (sql: string) => connection.prepare<unknown[], (bigint | null)[]>(sql).raw().safeIntegers()
  // skip rows that the statement itself adds beyond the last rowid
  const bounds = read(`SELECT count(*), max(${rowid}) ${from}`).get()
  const [total, end] = [Number(bounds?.[0]), bounds?.[1]]
  const next = read(`SELECT count(*), min(id), max(id) FROM
    (SELECT ${rowid} AS id ${from} WHERE ${rowid} > ? AND ${rowid} <= ? ORDER BY ${rowid} LIMIT ?)`)
  let [last, done]: [unknown, number] = [belowAnyRowid, 0]
  while (done < total) {
    const found = next.get(last, end, batch)
    const [rows, first, through] = [Number(found?.[0]), found?.[1], found?.[2]]
    if (rows === 0) break
    await schema.sequelize.query(sql, {
      bind: { first: numberOf(first), last: numberOf(through) },
      ...withTransaction(transaction),
    })
    done += rows
    last = through
    onProgress?.(table, done, total)
  }
}

/** A rowid as a number, or as a bigint if a number would round it. */
const numberOf = (rowid: bigint | null | undefined): unknown => {
  const number = Number(rowid)
  return Number.isSafeInteger(number) ? number : rowid
}
