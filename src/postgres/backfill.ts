import type { QueryInterface } from 'sequelize'
import type { BackfillOptions, OnProgress } from '../engine.ts'
import { must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { detailsOf } from './sequelize-internals.ts'
import { inSchema, quote } from './sql.ts'

/**
 * Runs a data change in batches, to show progress and handle signals in between. All batches are in the migration's transaction:
 * it is still all or nothing.
 * @param sql a statement with `$first` and `$last`, the keys of a batch: `UPDATE metrics SET ... WHERE id BETWEEN $first AND $last`
 * @throws Error if the statement lacks them, `batch` is not a positive integer, or the table has no primary key of one column
 */
export const backfill = async (
  connection: Connection,
  schema: QueryInterface,
  sql: string,
  { table, batch = 10_000 }: BackfillOptions,
  onProgress: OnProgress | undefined,
): Promise<void> => {
  if (!/\$first\b/.test(sql) || !/\$last\b/.test(sql))
    throw new Error(`backfill of ${table} needs a statement with "BETWEEN $first AND $last", not: ${sql}`)
  if (!(Number.isSafeInteger(batch) && batch > 0))
    throw new Error(`backfill of ${table} cannot work in batches of ${batch} rows`)
  const details = detailsOf(schema, table)
  const name = inSchema(details.schema, details.tableName)
  const key = await keyOf(connection, name)
  if (key === undefined) throw new Error(`backfill of ${table} is not possible: it has no primary key of one column`)

  const column = quote(key.name)
  // rows that the statement itself adds beyond the last key are skipped
  const [bounds] = await connection.rows<{ total: number; end: string | null }>(
    `SELECT count(*) AS total, (SELECT max(${column})::text FROM ${name}) AS end FROM ${name}`,
  )
  const { total, end } = must(bounds)
  let last: string | null = null
  let done = 0
  while (done < total) {
    const [found]: readonly Batch[] = await connection.rows<Batch>(
      `SELECT count(*) AS rows, (array_agg(k::text ORDER BY k))[1] AS first, (array_agg(k::text ORDER BY k DESC))[1] AS last
       FROM (SELECT ${column} AS k FROM ${name} WHERE ($1::text IS NULL OR ${column} > $1::text::${key.type})
         AND ${column} <= $2::text::${key.type} ORDER BY ${column} LIMIT $3) AS batch`,
      [last, end, batch],
    )
    const { rows, first, last: next }: Batch = must(found)
    // the statement may delete rows that no batch has reached
    if (rows === 0) break
    await schema.sequelize.query(sql, { bind: { first, last: next } })
    done += rows
    last = next
    onProgress?.(table, done, total)
  }
}

type Batch = Readonly<{ rows: number; first: string; last: string }>

const keyOf = async (
  connection: Connection,
  table: string,
): Promise<Readonly<{ name: string; type: string }> | undefined> => {
  const columns = await connection.rows<{ name: string; type: string }>(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type
     FROM pg_constraint AS k JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
     WHERE k.conrelid = to_regclass($1) AND k.contype = 'p'`,
    [table],
  )
  return columns.length === 1 ? columns[0] : undefined
}
