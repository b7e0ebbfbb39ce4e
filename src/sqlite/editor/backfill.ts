import type { QueryInterface } from 'sequelize'
import type { BackfillOptions, OnProgress } from '../../engine.ts'
import { quote } from '../sql.ts'
import { findRowid, readColumns, readTable, select } from './rebuild.ts'

const belowAnyRowid = -1e19

/**
 * Runs a data change in batches, so that it is seen how far it is and a signal is heard in between. All batches are in the
 * transaction of the migration: it is still all or nothing.
 * @param sql a statement with `$first` and `$last`, the rowids of a batch: `UPDATE metrics SET ... WHERE id BETWEEN $first AND $last`
 * @throws Error when the statement lacks them, the batch is no positive whole number, or the table has no rowids
 */
export const backfill = async (
  schema: QueryInterface,
  sql: string,
  { table, batch = 10_000 }: BackfillOptions,
  onProgress: OnProgress,
): Promise<void> => {
  if (!/\$first\b/.test(sql) || !/\$last\b/.test(sql)) {
    throw new Error(`backfill of ${table} needs a statement with "BETWEEN $first AND $last", not: ${sql}`)
  }
  if (!(Number.isSafeInteger(batch) && batch > 0)) throw new Error(`backfill of ${table} cannot go by ${batch} rows`)
  const { hasRowid } = await readTable(schema, table)
  const rowid = findRowid(await readColumns(schema, table))
  if (!hasRowid || rowid === undefined)
    throw new Error(`backfill of ${table} is not possible: it has no rowid to go by`)

  const from = `FROM ${quote(table)}`
  // what the statement itself adds to the table is not gone through
  const [all] = await select(schema, `SELECT count(*) AS total, max(${rowid}) AS end ${from}`)
  const next = `SELECT count(*) AS rows, min(id) AS first, max(id) AS last FROM
    (SELECT ${rowid} AS id ${from} WHERE ${rowid} > $1 AND ${rowid} <= $2 ORDER BY ${rowid} LIMIT $3)`
  const total = Number(all?.total)
  let [last, done]: [unknown, number] = [belowAnyRowid, 0]
  while (done < total) {
    const [found] = await select(schema, next, [last, all?.end, batch])
    if (found === undefined || found.rows === 0) break
    await schema.sequelize.query(sql, { bind: { first: found.first, last: found.last } })
    done += Number(found.rows)
    last = found.last
    onProgress(table, done, total)
  }
}
