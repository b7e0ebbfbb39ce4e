import { attemptAsync, must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { sqlState } from './errors.ts'
import { inSchema, quote } from './sql.ts'

/** The number of missing rows, and the key of one of them. */
export type Gone = Readonly<{ rows: number; example: string | null }>

type Place = Readonly<{ oid: number; schema: string; name: string }>

/**
 * Finds missing rows of a table whose place others took. A second connection sees what was committed before: rows that this
 * transaction deleted, changed or locked have an xmax there. A row exists if its primary key does; without one all values decide.
 *
 * If the table cannot be read there, because the migration altered and so locked it, every deleted row counts as missing.
 * @param deleted rows that statements deleted
 */
export const findGone = async (
  connection: Connection,
  other: Connection,
  { was, now, deleted }: Readonly<{ was: Place; now: Place; deleted: number }>,
): Promise<Gone> => {
  const all: Gone = { rows: deleted, example: null }
  const outcome = await attemptAsync(async () => {
    await other.query('BEGIN READ ONLY')
    await other.query("SET LOCAL lock_timeout = '1s'")
    const key = await keyOf(other, was.oid)
    const touched = await other.rows<{ row: string }>(
      `SELECT ${textOf(key)} AS row FROM ${inSchema(was.schema, was.name)} AS t WHERE xmax <> 0`,
    )
    await other.query('ROLLBACK')
    return { key, rows: touched.map(({ row }) => row) }
  })
  if ('error' in outcome) {
    if (sqlState(outcome.error) === '55P03') return all
    throw outcome.error
  }
  const { key, rows } = outcome.value
  const [gone] = await connection.rows<Gone>(
    `SELECT count(*)::int AS rows, min(o.row) AS example FROM unnest($1::text[]) AS o (row)
     WHERE o.row NOT IN (SELECT ${textOf(key)} FROM ${inSchema(now.schema, now.name)} AS t)`,
    [rows],
  )
  return must(gone)
}

/** The columns of the primary key; all columns where there is none. */
const keyOf = async (connection: Connection, oid: number): Promise<readonly string[]> => {
  const columns = await connection.rows<{ name: string; key: boolean }>(
    `SELECT a.attname AS name, coalesce(a.attnum = ANY (k.conkey), false) AS key
     FROM pg_attribute AS a LEFT JOIN pg_constraint AS k ON k.conrelid = a.attrelid AND k.contype = 'p'
     WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [oid],
  )
  const key = columns.filter(column => column.key)
  return (key.length === 0 ? columns : key).map(({ name }) => name)
}

/** The values of columns as one text that no other values have. */
const textOf = (columns: readonly string[]): string => {
  const values = columns.map(name => `t.${quote(name)}`).join(', ')
  return columns.length === 1 ? `coalesce(${values}::text, '')` : `ROW(${values})::text`
}
