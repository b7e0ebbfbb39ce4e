// This file is about SQLite.
/**
 * Finds the values of a file that a server cannot hold, before any row is written. SQL lets pass what is plainly right, at the speed
 * of SQLite, and each value of the other rows is looked at: texts as bytes, since a driver reads invalid UTF-8 as U+FFFD.
 */
import type { Context } from '../context.ts'
import { attempt, must } from '../failure.ts'
import type { Connection } from '../sqlite/connect.ts'
import { findBrokenKeys } from '../sqlite/keys.ts'
import { literal, quote } from '../sqlite/sql.ts'
import { formatThings } from '../text.ts'
import type { Value } from './kinds.ts'
import type { PairedColumn, PairedTable } from './pair.ts'
import { refuseValues } from './report.ts'

export type Refused = Readonly<{
  table: string
  /** such as `id 17` */
  row: string
  column: string
  reason: string
}>

type Sieved = Readonly<{
  rows: number
  refused: readonly Refused[]
  /** how many there are: `refused` has the first ones */
  count: number
  /** whether whole numbers have to be read as bigints */
  isWide: boolean
}>

/** How many values are named. */
const named = 20

/** Whole numbers that a double holds, one by one. */
const safe = BigInt(Number.MAX_SAFE_INTEGER)

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/**
 * A condition that is true of every value that may be refused, and of a few others. In SQLite any number is less than any text,
 * and that less than any blob: https://www.sqlite.org/datatype3.html#comparison_expressions
 */
const suspicion = ({ name, kind: { sieve, most }, required }: PairedColumn): string => {
  const column = quote(name)
  const missing = required ? [`${column} IS NULL`] : []
  const wide = `${column} NOT BETWEEN ${-safe} AND ${safe}`
  const other = (): readonly string[] => {
    switch (sieve) {
      case 'whole': {
        const bound = least(safe, BigInt(must(most)))
        return [`typeof(${column}) = 'real'`, `${column} NOT BETWEEN ${-bound} AND ${bound}`]
      }
      case 'fraction':
        return [`${column} >= ''`, `(typeof(${column}) = 'integer' AND ${wide})`]
      case 'boolean':
        return [`${column} NOT IN (0, 1)`]
      case 'text':
        return [
          ...[`${column} < ''`, `${column} >= x''`],
          // length ends at a NUL; what is beyond ASCII may be invalid
          ...[`length(${column}) <> octet_length(${column})`, `${column} GLOB ${literal('*[^\u0001-\u007f]*')}`],
          ...(most === undefined ? [] : [`length(${column}) > ${most}`]),
        ]
      case 'time':
        return [`datetime(${column}) IS NOT ${column}`, `${column} < '0001'`]
      case 'each':
        return [`${column} IS NOT NULL`]
    }
  }
  return [...missing, ...other()].join(' OR ')
}

/** The class of a value in a file, and the value: texts as bytes. */
type Cell = Readonly<{ column: PairedColumn; class_: unknown; value: bigint | number | Uint8Array | null }>

/**
 * @param onRow called now and then with how many suspects were looked at
 * @throws SQLite's own errors
 */
const sieve = (connection: Connection, table: PairedTable, onRow: () => void): Sieved => {
  const { name, columns } = table
  const rows = Number(
    connection
      .prepare(`SELECT count(*) FROM ${quote(name)}`)
      .pluck()
      .get(),
  )
  const decode = decoderOf(connection)
  const cells = columns.map(({ name }) => {
    const column = quote(name)
    return `typeof(${column}), CASE typeof(${column}) WHEN 'text' THEN CAST(${column} AS BLOB) ELSE ${column} END`
  })
  const suspects = connection
    .prepare<[], (string | Cell['value'])[]>(
      `SELECT ${cells.join(', ')} FROM ${quote(name)} WHERE ${columns.map(suspicion).join(' OR ')}`,
    )
    .raw()
    .safeIntegers()
  const refused: Refused[] = []
  let count = 0
  let isWide = false
  for (const row of suspects.iterate()) {
    onRow()
    const cellsOf = columns.map(
      (column, index): Cell => ({ column, class_: row[index * 2], value: row[index * 2 + 1] as Cell['value'] }),
    )
    for (const cell of cellsOf) {
      const { column, value } = cell
      isWide ||= typeof value === 'bigint' && (value > safe || value < -safe)
      const reason = judge(cell, decode)
      if (reason === undefined) continue
      count += 1
      if (refused.length < named)
        refused.push({ table: name, row: rowOf(table, cellsOf, decode), column: column.name, reason })
    }
  }
  return { rows, refused, count, isWide }
}

const judge = (
  { column: { kind, required }, class_, value }: Cell,
  decode: (bytes: Uint8Array) => string | undefined,
): string | undefined => {
  if (value === null) return required ? 'is NULL, and the column is NOT NULL on the server' : undefined
  if (class_ !== 'text') return kind.refusal(value)
  const text = decode(value as Uint8Array)
  return text === undefined ? 'the text is not valid UTF-8' : kind.refusal(text)
}

/** `utf-8`, `utf-16le` or `utf-16be`: the bytes of a text are as the file has them. */
const encodingOf = (connection: Connection): string =>
  String(connection.pragma('encoding', { simple: true })).toLowerCase()

/** Decodes a file's texts as they are stored; undefined for bytes that are no text. */
const decoderOf = (connection: Connection): ((bytes: Uint8Array) => string | undefined) => {
  const decoder = new TextDecoder(encodingOf(connection), { fatal: true, ignoreBOM: true })
  return bytes => {
    const decoded = attempt(() => decoder.decode(bytes))
    return 'value' in decoded ? decoded.value : undefined
  }
}

const rowOf = (
  { key }: PairedTable,
  cells: readonly Cell[],
  decode: (bytes: Uint8Array) => string | undefined,
): string => {
  const shown = ({ class_, value }: Cell): string => {
    if (value === null) return 'NULL'
    if (class_ === 'text') return decode(value as Uint8Array) ?? Buffer.from(value as Uint8Array).toString('latin1')
    return typeof value === 'object' ? `x'${Buffer.from(value).toString('hex')}'` : String(value)
  }
  const parts = key.length > 0 ? key.flatMap(own => cells.filter(({ column }) => column === own)) : cells.slice(0, 3)
  return parts.map(cell => `${cell.column.name} ${shown(cell)}`).join(', ')
}

type SievedTable = Sieved & Readonly<{ table: PairedTable }>

/**
 * Looks at all tables of a file.
 * @param shown names the server in messages
 * @param numbers what its sequences cannot hold
 * @throws Failure VALUES_REFUSED naming table, row and column
 */
export const sieveAll = (
  { log, signal }: Context,
  file: Connection,
  tables: readonly PairedTable[],
  shown: string,
  numbers: Sieved['refused'],
): readonly SievedTable[] => {
  const sieved = tables.map(table => {
    log.debug('copy.checks', `checking the values of ${table.name}`, { table: table.name })
    return { table, ...sieve(file, table, () => signal.throwIfAborted()) }
  })
  const orphans = tables.flatMap(table => orphansIn(file, table))
  const refused = [...sieved.flatMap(({ refused }) => refused), ...orphans, ...numbers]
  const count = sieved.reduce((sum, { count }) => sum + count, 0) + orphans.length + numbers.length
  refuseValues(refused, count, file.name, shown)
  return sieved
}

/** Rows without a parent, which programs that write without foreign keys leave. */
export const orphansIn = (connection: Connection, { name }: PairedTable): readonly Refused[] => {
  const checked = findBrokenKeys(connection, name)
  if ('unchecked' in checked) return []
  return checked.broken.map(({ parent, rows, first }) => ({
    table: name,
    row: first === null ? formatThings(rows, 'row') : `rowid ${first}${rows > 1 ? ` and ${rows - 1} more` : ''}`,
    column: `of the foreign key to ${parent}`,
    reason: 'has no parent',
  }))
}

/** The rows of a table in the order of its key, each an array of its columns; NULL is null. */
export const rowsOf = (
  connection: Connection,
  { name, columns, key }: PairedTable,
  isWide: boolean,
): IterableIterator<readonly (Value | null)[]> => {
  const order = key.map(column => `${quote(column.name)} COLLATE BINARY`).join(', ')
  const names = columns.map(column => quote(column.name)).join(', ')
  return connection
    .prepare<[], (Value | null)[]>(`SELECT ${names} FROM ${quote(name)}${order && ` ORDER BY ${order}`}`)
    .raw()
    .safeIntegers(isWide)
    .iterate()
}

/** Whether the file sorts the keys of a table by the bytes of UTF-8. */
export const sortsByBytes = (connection: Connection, { key }: PairedTable): boolean =>
  encodingOf(connection) === 'utf-8' || key.every(({ kind }) => kind.sieve !== 'text')
