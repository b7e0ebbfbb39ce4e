import type { SqlStatement } from '../../engine.ts'
import { tokensOf } from '../sql.ts'

/** How a time is stored. */
export type TimeToText = (time: Date) => string

/** A whole number on its way through Sequelize, which makes text of every bigint before the driver sees it. */
export class Whole {
  readonly value: bigint

  constructor(value: bigint) {
    this.value = value
  }

  /** for Sequelize's log */
  toJSON(): string {
    return String(this.value)
  }
}

/** Values of an array or an object, each changed by `change`; anything else is given back. */
export const mapValues = (values: unknown, change: (value: unknown) => unknown): unknown => {
  if (Array.isArray(values)) return values.map(change)
  if (typeof values !== 'object' || values === null) return values
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}

/** Beyond them SQLite has real numbers alone. */
const [smallest, largest] = [-(2 ** 63), 2 ** 63]

/**
 * A value as better-sqlite3 binds it. A JavaScript number would be REAL there, so whole ones become bigints, as in the
 * `sqlite3` package: 3 in a text column is '3', and 7 / $1 is a division of whole numbers.
 */
export const toBound = (value: unknown, timeToText: TimeToText): unknown => {
  if (value === undefined) return null
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number' && Number.isInteger(value) && value >= smallest && value < largest) return BigInt(value)
  if (value instanceof Whole) return value.value
  return value instanceof Date ? timeToText(value) : value
}

/**
 * The arguments of better-sqlite3's statements for values by place or by name. `$1` is a name to SQLite; a list is bound
 * to it by that number, which is what Sequelize promises, and not by where it stands.
 */
export const toArguments = ({ sql, bound }: SqlStatement): readonly (readonly unknown[] | object)[] => {
  if (!Array.isArray(bound) || bound.length === 0) return [bound]
  const parameters = tokensOf(sql).filter(({ text }) => /^(?:\$\w+|\?)$/.test(text))
  const numbered = parameters.flatMap(({ text }) => (/^\$\d+$/.test(text) ? [Number(text.slice(1))] : []))
  if (numbered.length === 0) return [bound]
  const byNumber = Object.fromEntries(numbered.map(number => [number, bound[number - 1]]))
  return parameters.length > numbered.length ? [bound, byNumber] : [byNumber]
}

/** A row as JavaScript has it: integers are numbers, and beyond 2^53 text, never rounded. */
export const toRow = (row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromSqlite(value)]))

/** An integer of SQLite as a number, or as text where a number would round it; anything else as it is. */
export const fromSqlite = (value: unknown): unknown => {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
