/** Rows in bulk, by COPY: as streams, so that memory does not grow with a table. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from, to } from 'pg-copy-streams'
import { Failure, must } from '../failure.ts'
import type { Connection } from './connect.ts'
import { inSchema, quote } from './sql.ts'

/** Bytes that wait for the other side at most. */
const highWaterMark = 256 * 1024

/**
 * Lets the open transaction write values as they are compared: times in UTC, numbers with all digits, every row or an error. A key
 * gives the order of rows without a sort, which the planner does not know of a table that was filled a moment ago.
 * @throws Failure SERVER_UNSUITABLE for a database whose texts are not in UTF-8
 */
export const writeExactly = async (connection: Connection): Promise<void> => {
  const calls = Object.entries(exact).map(([name, value]) => `set_config('${name}', '${value}', true)`)
  const [found] = await connection.rows<{ encoding: string }>(
    `SELECT current_setting('server_encoding') AS encoding, ${calls.join(', ')}`,
  )
  const { encoding } = must(found)
  if (encoding === 'UTF8') return
  const hint = "Use a database in UTF-8: CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8'."
  throw new Failure('SERVER_UNSUITABLE', `the texts of ${connection.address.shown} are in ${encoding}`, hint)
}

const exact = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  bytea_output: 'hex',
  extra_float_digits: '1',
  row_security: 'off',
  enable_sort: 'off',
} as const

/** COPY's own two formats. */
type Format = 'text' | 'binary'

/**
 * Writes rows into columns of a table.
 * @param isFresh it was made or emptied in this transaction
 * @param rows in the format, cut anywhere
 */
export const copyIn = async (
  connection: Connection,
  { table, columns, isFresh }: Readonly<{ table: string; columns: readonly string[]; isFresh: boolean }>,
  format: Format,
  rows: Iterable<Buffer> | AsyncIterable<Buffer>,
): Promise<void> => {
  const name = inSchema(connection.address.schema, table)
  const options = `FORMAT ${format}, FREEZE ${isFresh}`
  const sql = `COPY ${name} (${columns.map(quote).join(', ')}) FROM STDIN WITH (${options})`
  await pipeline(
    Readable.from(rows, { objectMode: true, highWaterMark: 4 }),
    connection.stream(from(sql, { highWaterMark })),
  )
}

/** What COPY writes for a query, cut anywhere. It has to be read to its end: the server answers nothing else before. */
export const copyOut = (connection: Connection, query: string, format: Format): AsyncIterable<Buffer> =>
  connection.stream(to(`COPY (${query}) TO STDOUT WITH (FORMAT ${format})`, { highWaterMark }))

/** The lines that COPY writes for a query in its text format, as many at once as came. */
export async function* copyLines(
  connection: Connection,
  query: string,
): AsyncGenerator<readonly string[], void, undefined> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of copyOut(connection, query, 'text')) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    // no character of UTF-8 has this byte in it
    const end = all.lastIndexOf(10)
    rest = all.subarray(end + 1)
    if (end !== -1) yield all.toString('utf8', 0, end).split('\n')
  }
}

/** Which transactions a new one sees: as long as it is the same, nothing was written on the whole server. */
export const readView = async (connection: Connection): Promise<string> => {
  const [view] = await connection.rows<{ view: string }>('SELECT pg_current_snapshot()::text AS view')
  return must(view).view
}

/** A text that changes with any row of these tables. */
export const digestOf = async (connection: Connection, tables: readonly string[]): Promise<string> => {
  const { schema } = connection.address
  const digests: unknown[] = []
  for (const table of tables)
    digests.push(
      await connection.rows(
        `SELECT count(*) AS rows, sum(hashtextextended(t::text, 0)::numeric)::text AS digests FROM ${inSchema(schema, table)} AS t`,
      ),
    )
  return JSON.stringify(digests)
}
