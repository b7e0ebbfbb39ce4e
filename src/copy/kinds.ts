/**
 * How a column of a server holds the values of a column of a file: what it refuses, what is written, and when both are the same.
 * A file's value is one of SQLite's five classes, whatever the column's type says; a server's is the text that COPY writes.
 */
import { isDeepStrictEqual } from 'node:util'
import { attempt, must } from '../failure.ts'
import * as binary from './binary.ts'
import { isDay, toFileText, toUtc, utcOf } from './times.ts'

/** A value of a file that is not NULL. While values are judged a bigint is an INTEGER and a number a REAL. */
export type Value = number | bigint | string | Uint8Array

export type Kind = Readonly<{
  /** what can be told of most values without a look at each: see sieve.ts */
  sieve: 'whole' | 'fraction' | 'boolean' | 'text' | 'time' | 'each'
  /** of whole numbers, or of characters */
  most?: number | bigint
  /** whether both engines sort its values alike */
  sorts: boolean
  /** what the server reads and writes needs no escapes in a line of COPY */
  plain: boolean
  /** why the server cannot hold a value of a file; undefined if it can */
  refusal: (value: Value) => string | undefined
  /** a value that is not refused, as the server reads it */
  toField: (value: Value) => string
  isSame: (value: Value, field: string) => boolean
  /** why a file cannot hold what the server wrote; undefined if it can */
  fieldRefusal: (field: string) => string | undefined
  /** what the server wrote, for a file */
  fromField: (field: string) => Value
  /** equal for values that are the same; left out if toField is */
  canonical?: (value: Value) => string
  /** how they go in binary; left out if they go as texts alone */
  binary?: binary.Binary
}>

const never = (): undefined => undefined

const describe = (value: Value): string => {
  if (typeof value === 'string') return `the text '${value.length > 40 ? `${value.slice(0, 40)}...` : value}'`
  return typeof value === 'object' ? `a blob of ${value.length} bytes` : `the number ${value}`
}

const isNot = (value: Value, what: string): string => `${describe(value)} is not ${what}`

/** Whole numbers, a boolean's too, are numbers in a file where that is exact. */
const toWhole = (field: string): number | bigint => {
  const number = Number(field)
  return Number.isSafeInteger(number) ? number : BigInt(field)
}

const isSameWhole = (value: Value, field: string): boolean =>
  typeof value === 'bigint' ? String(value) === field : Number(field) === value

const whole = (type: string, most: bigint, form: binary.Binary): Kind => ({
  ...{ sieve: 'whole', most, sorts: true, plain: true, toField: String, isSame: isSameWhole, binary: form },
  refusal: value => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && !Object.is(value, -0)) return undefined
    if (typeof value !== 'bigint') return isNot(value, `a whole number that ${type} holds`)
    return value > most || value < -most - 1n ? `${describe(value)} is out of range for ${type}` : undefined
  },
  fieldRefusal: never,
  fromField: toWhole,
})

const boolean: Kind = {
  ...{ sieve: 'boolean', sorts: true, plain: true, binary: binary.boolean },
  refusal: value => (value === 0n || value === 1n ? undefined : isNot(value, '0 or 1')),
  toField: value => (Number(value) === 1 ? 't' : 'f'),
  isSame: (value, field) => typeof value !== 'string' && Number(value) === (field === 't' ? 1 : 0),
  fieldRefusal: never,
  fromField: field => (field === 't' ? 1 : 0),
}

const toNumber = (field: string): number => Number(field)

/** A file has no NaN, which is stored as NULL; whether it keeps the sign of -0 is asked of the column. */
const fraction: Kind = {
  ...{ sieve: 'fraction', sorts: true, plain: true, binary: binary.double },
  refusal: value => {
    if (typeof value === 'number') return undefined
    if (typeof value === 'bigint' && BigInt(Number(value)) === value) return undefined
    return isNot(value, 'a number that double precision holds')
  },
  toField: value => (Object.is(value, -0) ? '-0' : String(value)),
  isSame: (value, field) => typeof value !== 'string' && Object.is(Number(field), Number(value)),
  fieldRefusal: field => (field === 'NaN' ? 'SQLite cannot store NaN' : undefined),
  fromField: toNumber,
}

const singleFraction: Kind = {
  ...{ sieve: 'each', sorts: true, plain: true, toField: fraction.toField, fieldRefusal: fraction.fieldRefusal },
  refusal: value => {
    if (typeof value !== 'number' && typeof value !== 'bigint') return isNot(value, 'a number')
    return Object.is(Math.fround(Number(value)), Number(value)) &&
      (typeof value === 'number' || BigInt(Number(value)) === value)
      ? undefined
      : isNot(value, 'a number that real holds')
  },
  isSame: (value, field) => typeof value !== 'string' && Object.is(Math.fround(Number(field)), Number(value)),
  fromField: field => Math.fround(Number(field)),
}

/** A number's digits without an exponent, and without zeros that say nothing. */
const plainDigits = (text: string): string => {
  const {
    sign = '',
    whole = '',
    rest = '',
    exponent = '0',
  } = /^(?<sign>-?)(?<whole>\d*)\.?(?<rest>\d*)(?:e(?<exponent>[+-]?\d+))?$/i.exec(text)?.groups ?? {}
  const digits = whole + rest
  const point = whole.length + Number(exponent)
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0')
  const place = point <= 0 ? 1 : point
  const before = padded.slice(0, place).replace(/^0+(?=\d)/, '')
  const after = padded.slice(place).replace(/0+$/, '')
  const all = after === '' ? before : `${before}.${after}`
  return all === '0' ? '0' : sign + all
}

/** @param digits before and after the point; undefined for any number */
const decimal = (type: string, digits: Readonly<{ before: number; after: number }> | undefined): Kind => ({
  ...{ sieve: 'each', sorts: true, plain: true },
  refusal: value => {
    if (typeof value === 'string' || typeof value === 'object') return isNot(value, 'a number')
    if (typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)))
      return isNot(value, `a number that ${type} holds`)
    const [before = '', after = ''] = plainDigits(String(value)).replace('-', '').split('.')
    const isLong =
      digits !== undefined && (before.replace(/^0$/, '').length > digits.before || after.length > digits.after)
    return isLong ? `${describe(value)} has more digits than ${type} keeps` : undefined
  },
  toField: String,
  isSame: (value, field) => plainDigits(String(value)) === plainDigits(field),
  fieldRefusal: field => {
    const plain = plainDigits(field)
    if (!/^-?\d/.test(field)) return `SQLite cannot store ${field}`
    const isWhole = /^-?\d+$/.test(plain) && BigInt.asIntN(64, BigInt(plain)) === BigInt(plain)
    return isWhole || plainDigits(String(Number(field))) === plain
      ? undefined
      : `the number ${field} has too many digits`
  },
  fromField: field => {
    const plain = plainDigits(field)
    return /^-?\d+$/.test(plain) && BigInt.asIntN(64, BigInt(plain)) === BigInt(plain) ? toWhole(plain) : Number(field)
  },
  canonical: value => plainDigits(String(value)),
})

const hasNul = 'the text has a NUL character, which PostgreSQL cannot store'

const textual = (more: Partial<Kind>, judge: (text: string) => string | undefined): Kind => ({
  ...{ sieve: 'text', sorts: true, plain: false, toField: String, fieldRefusal: never, fromField: field => field },
  refusal: value => {
    if (typeof value !== 'string') return isNot(value, 'text')
    return value.includes('\0') ? hasNul : judge(value)
  },
  isSame: (value, field) => value === field,
  ...more,
})

const varying = (most: number): Kind =>
  textual({ most, binary: binary.utf8 }, text =>
    [...text].length > most ? `${describe(text)} is longer than ${most} characters` : undefined,
  )

const labelled = (labels: readonly string[]): Kind =>
  // a server sorts by the order of the labels
  textual({ sieve: 'each', sorts: false }, text =>
    labels.includes(text) ? undefined : isNot(text, `one of ${labels.join(', ')}`),
  )

const uuid = textual({ sieve: 'each' }, text =>
  /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? undefined : isNot(text, 'a UUID in small letters'),
)

const parse = (text: string) => attempt((): unknown => JSON.parse(text))

/** Texts of JSON that mean the same may differ, and a file makes numbers of those that are numbers. */
const json = (isBinary: boolean): Kind => ({
  ...{ sieve: 'each', sorts: false, plain: false, toField: String, fieldRefusal: never, fromField: field => field },
  refusal: value => {
    if (typeof value === 'object') return isNot(value, 'JSON')
    const parsed = parse(String(value))
    if ('error' in parsed) return isNot(value, 'JSON')
    return isBinary && /\\u0000|\\ud/.test(JSON.stringify(parsed.value))
      ? 'the JSON has a character that jsonb refuses'
      : undefined
  },
  isSame: (value, field) => {
    if (value === field) return true
    const [a, b] = [parse(String(value)), parse(field)]
    return 'value' in a && 'value' in b && isDeepStrictEqual(a.value, b.value)
  },
  canonical: value => JSON.stringify(JSON.parse(String(value)), sortKeys),
})

const sortKeys = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

const hexOf = (value: Value): string => {
  const { buffer, byteOffset, byteLength } = value as Uint8Array
  return `\\x${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}`
}

const bytes: Kind = {
  ...{ sieve: 'each', sorts: true, plain: false, toField: hexOf },
  refusal: value => (typeof value === 'object' ? undefined : isNot(value, 'a blob')),
  isSame: (value, field) => hexOf(value) === field,
  fieldRefusal: never,
  fromField: field => Buffer.from(field.slice(2), 'hex'),
}

/** @param suffix that the server writes after a time @param digits of a second that it keeps */
const time = (suffix: string, digits: number): Kind => {
  const fieldOf = (value: Value): string => utcOf(String(value)) + suffix
  const utcIn = (field: string): string | undefined =>
    field.endsWith(suffix) ? toUtc(field.slice(0, field.length - suffix.length)) : undefined
  return {
    ...{ sieve: digits < 6 ? 'each' : 'time', sorts: false, plain: true, toField: fieldOf, binary: binary.time() },
    refusal: value => {
      const utc = typeof value === 'string' ? toUtc(value) : undefined
      if (utc === undefined) return isNot(value, 'a time')
      const [, fraction = ''] = utc.split('.')
      return fraction.length > digits
        ? `${describe(value)} has more fractional digits than the column keeps`
        : undefined
    },
    isSame: (value, field) => fieldOf(value) === field,
    fieldRefusal: field =>
      utcIn(field) === undefined ? `the time ${field} is outside the years 1 to 9999` : undefined,
    fromField: field => toFileText(must(utcIn(field))),
  }
}

const day = textual({ sieve: 'each' }, text => (isDay(text) ? undefined : isNot(text, 'a day')))
const dayKind: Kind = {
  ...day,
  fieldRefusal: field => (isDay(field) ? undefined : `the day ${field} is outside the years 1 to 9999`),
}

/**
 * The kind of a server's type, as format_type writes it; undefined for a type that copies do not know.
 * @param labels of an ENUM; undefined for any other type
 */
export const kindOf = (type: string, labels: readonly string[] | undefined): Kind | undefined => {
  if (labels !== undefined) return labelled(labels)
  const {
    name = '',
    first,
    second,
    zone,
  } = /^(?<name>[a-z ]+?)(?:\((?<first>\d+)(?:,(?<second>\d+))?\))?(?<zone> with(?:out)? time zone)?$/.exec(type)
    ?.groups ?? {}
  switch (name) {
    case 'smallint':
      return whole(type, 2n ** 15n - 1n, binary.smallint)
    case 'integer':
      return whole(type, 2n ** 31n - 1n, binary.integer)
    case 'bigint':
      return whole(type, 2n ** 63n - 1n, binary.bigint)
    case 'double precision':
      return fraction
    case 'real':
      return singleFraction
    case 'numeric':
      return decimal(
        type,
        first === undefined ? undefined : { before: Number(first) - Number(second), after: Number(second) },
      )
    case 'boolean':
      return boolean
    case 'text':
      return textual({ binary: binary.utf8 }, never)
    case 'character varying':
      return first === undefined ? textual({ binary: binary.utf8 }, never) : varying(Number(first))
    case 'bytea':
      return bytes
    case 'json':
    case 'jsonb':
      return json(name === 'jsonb')
    case 'uuid':
      return uuid
    case 'timestamp':
      return time(zone === ' with time zone' ? '+00' : '', Number(first ?? 6))
    case 'date':
      return dayKind
    default:
      return undefined
  }
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const unescapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }

/** A field as COPY reads and writes it in a line. */
export const escapeField = (field: string): string =>
  /[\\\n\r\t]/.test(field) ? field.replaceAll(/[\\\n\r\t]/g, mark => must(escapes[mark])) : field

export const unescapeField = (field: string): string =>
  field.includes('\\') ? field.replaceAll(/\\(.)/g, (_, mark: string) => unescapes[mark] ?? mark) : field

/** NULL in a line. */
export const nullField = '\\N'
