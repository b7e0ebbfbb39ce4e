/**
 * Rows in COPY's binary format, which both sides write and read in less time than texts: the section "Binary Format" of
 * https://www.postgresql.org/docs/current/sql-copy.html. Types that are rare, or have a form of their own there, go as texts.
 */
import type { Value } from './kinds.ts'
import { utcOf } from './times.ts'

export type Binary = Readonly<{
  /** bytes that a value takes at most */
  room: (value: Value) => number
  /** writes a value that is not refused. @returns the bytes it takes */
  write: (value: Value, into: Buffer, at: number) => number
  isSame: (value: Value, from: Buffer, at: number, length: number) => boolean
}>

/** Values of so many bytes each. */
const fixed = (
  bytes: number,
  write: (value: Value, into: Buffer, at: number) => unknown,
  isSame: (value: Value, from: Buffer, at: number) => boolean,
): Binary => ({
  room: () => bytes,
  write: (value, into, at) => {
    write(value, into, at)
    return bytes
  },
  isSame: (value, from, at, length) => length === bytes && isSame(value, from, at),
})

/** What the upper half of a bigint counts. */
const half = 2 ** 32

const writeBigint = (value: Value, into: Buffer, at: number): void => {
  if (typeof value === 'bigint') into.writeBigInt64BE(value, at)
  else {
    const high = Math.floor(Number(value) / half)
    into.writeInt32BE(high, at)
    into.writeUInt32BE(Number(value) - high * half, at + 4)
  }
}

/** A number of the file is a safe one, and no other number of the server rounds to that. */
const isSameBigint = (value: Value, from: Buffer, at: number): boolean =>
  typeof value === 'bigint'
    ? from.readBigInt64BE(at) === value
    : from.readInt32BE(at) * half + from.readUInt32BE(at + 4) === value

export const smallint = fixed(
  2,
  (value, into, at) => into.writeInt16BE(Number(value), at),
  (value, from, at) => from.readInt16BE(at) === Number(value),
)

export const integer = fixed(
  4,
  (value, into, at) => into.writeInt32BE(Number(value), at),
  (value, from, at) => from.readInt32BE(at) === Number(value),
)

export const bigint = fixed(8, writeBigint, isSameBigint)

export const boolean = fixed(
  1,
  (value, into, at) => into.writeUInt8(Number(value), at),
  (value, from, at) => from[at] === Number(value),
)

export const double = fixed(
  8,
  (value, into, at) => into.writeDoubleBE(Number(value), at),
  (value, from, at) => Object.is(from.readDoubleBE(at), Number(value)),
)

export const utf8: Binary = {
  room: value => String(value).length * 3,
  write: (value, into, at) => into.write(String(value), at),
  isSame: (value, from, at, length) => from.toString('utf8', at, at + length) === value,
}

/** Seconds from 1970 to 2000, which a server counts from. */
const year2000 = Date.UTC(2000, 0) / 1000

/** Beyond these seconds microseconds are no safe number. */
const safeSeconds = Math.floor(Number.MAX_SAFE_INTEGER / 1e6)

/** Times as microseconds. Rows come in the order of their times, or nearly so: the last day is kept. */
export const time = (): Binary => {
  let day = ''
  let seconds = 0
  const microseconds = (value: Value): number | bigint => {
    const utc = utcOf(String(value))
    if (!utc.startsWith(day) || day === '') {
      day = utc.slice(0, 10)
      seconds = Date.parse(`${day}T00:00:00Z`) / 1000 - year2000
    }
    const all = seconds + twoDigits(utc, 11) * 3600 + twoDigits(utc, 14) * 60 + twoDigits(utc, 17)
    const fraction = utc.length > 19 ? Number(utc.slice(20).padEnd(6, '0')) : 0
    return Math.abs(all) < safeSeconds ? all * 1e6 + fraction : BigInt(all) * 1_000_000n + BigInt(fraction)
  }
  return fixed(
    8,
    (value, into, at) => writeBigint(microseconds(value), into, at),
    (value, from, at) => isSameBigint(microseconds(value), from, at),
  )
}

const twoDigits = (text: string, at: number): number => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48

/** The first bytes of the format, no flags, and no more of a header. */
const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)])
const noMore = Buffer.from([0xff, 0xff])
const isNull = -1

type Row = readonly (Value | null)[]

/** Bytes that are sent at once. */
const batch = 64 * 1024

/** Rows as COPY reads them. @param onRows called for each batch with its rows */
export const tuplesOf = function* (
  rows: Iterable<Row>,
  columns: readonly Binary[],
  onRows: (rows: number) => void,
): Generator<Buffer> {
  yield header
  let buffer = Buffer.allocUnsafe(batch)
  let [at, count] = [0, 0]
  for (const row of rows) {
    const room = roomOf(row, columns)
    if (at + room > buffer.length) {
      onRows(count)
      yield buffer.subarray(0, at)
      buffer = Buffer.allocUnsafe(Math.max(batch, room))
      at = 0
      count = 0
    }
    at = writeTuple(row, columns, buffer, at)
    count += 1
  }
  onRows(count)
  yield buffer.subarray(0, at)
  yield noMore
}

const roomOf = (row: Row, columns: readonly Binary[]): number => {
  let room = 2
  for (let index = 0; index < columns.length; index += 1) {
    const value = row[index] ?? null
    room += 4 + (value === null ? 0 : (columns[index] as Binary).room(value))
  }
  return room
}

const writeTuple = (row: Row, columns: readonly Binary[], into: Buffer, from: number): number => {
  let at = into.writeInt16BE(columns.length, from)
  for (let index = 0; index < columns.length; index += 1) {
    const value = row[index] ?? null
    const length = value === null ? isNull : (columns[index] as Binary).write(value, into, at + 4)
    into.writeInt32BE(length, at)
    at += 4 + Math.max(0, length)
  }
  return at
}

/**
 * Holds what COPY writes against rows, value by value; reads all of it.
 * @param chunks of COPY's binary format, cut anywhere
 * @param onRows called for each chunk with the rows that ended in it
 */
export const areSame = async (
  chunks: AsyncIterable<Buffer>,
  rows: Iterator<Row>,
  columns: readonly Binary[],
  onRows: (rows: number) => void,
): Promise<boolean> => {
  let rest: Buffer = Buffer.alloc(0)
  let [hasBegun, hasEnded, isSame] = [false, false, true]
  for await (const chunk of chunks) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    if (!hasBegun && all.length >= header.length) {
      hasBegun = true
      at = header.length
    }
    let count = 0
    while (hasBegun && isSame && !hasEnded) {
      const end = endOfTuple(all, at)
      if (end === undefined) break
      hasEnded = end === at
      if (hasEnded) break
      const row = rows.next()
      isSame = !row.done && isTuple(row.value, columns, all, at)
      at = end
      count += 1
    }
    rest = isSame && !hasEnded ? all.subarray(at) : Buffer.alloc(0)
    onRows(count)
  }
  return isSame && hasEnded && rows.next().done === true
}

/** Where the tuple at an offset ends: undefined if that is not there yet, the offset itself behind the last one. */
const endOfTuple = (buffer: Buffer, from: number): number | undefined => {
  if (from + 2 > buffer.length) return undefined
  const fields = buffer.readInt16BE(from)
  if (fields === -1) return from
  let at = from + 2
  for (let index = 0; index < fields; index += 1) {
    if (at + 4 > buffer.length) return undefined
    at += 4 + Math.max(0, buffer.readInt32BE(at))
  }
  return at > buffer.length ? undefined : at
}

const isTuple = (row: Row, columns: readonly Binary[], buffer: Buffer, from: number): boolean => {
  if (buffer.readInt16BE(from) !== columns.length) return false
  let at = from + 2
  for (let index = 0; index < columns.length; index += 1) {
    const length = buffer.readInt32BE(at)
    const value = row[index] ?? null
    const isSame =
      value === null || length === isNull
        ? value === null && length === isNull
        : (columns[index] as Binary).isSame(value, buffer, at + 4, length)
    if (!isSame) return false
    at += 4 + Math.max(0, length)
  }
  return true
}
