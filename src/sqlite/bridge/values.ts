import type { SqlStatement } from '../../engine.ts'
import { tokensOf } from '../sql.ts'

/** Formats a time for storage. */
export type TimeToText = (time: Date) => string

/** Wraps a bigint on its way through Sequelize, which would turn a bare one into text. */
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

/** Applies `change` to each value of an array or object; returns anything else unchanged. */
export const mapValues = (values: unknown, change: (value: unknown) => unknown): unknown => {
  if (Array.isArray(values)) return values.map(change)
  if (typeof values !== 'object' || values === null) return values
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]))
}

/** Beyond these SQLite has only REAL. */
const [smallest, largest] = [-(2 ** 63), 2 ** 63]

/**
 * Converts a value for better-sqlite3, which binds every JavaScript number as REAL. Integers become bigints, as in the `sqlite3`
 * package: 3 in a TEXT column is '3', and 7 / $1 is an integer division.
 */
export const toBound = (value: unknown, timeToText: TimeToText): unknown => {
  if (value === undefined) return null
  if (typeof value === 'boolean') return value ? 1n : 0n
  if (typeof value === 'number' && Number.isInteger(value) && value >= smallest && value < largest) return BigInt(value)
  if (value instanceof Whole) return value.value
  return value instanceof Date ? timeToText(value) : value
}

/**
 * The arguments for a better-sqlite3 statement, for values by position or name. SQLite treats `$1` as a name; a list is bound by
 * that number, as Sequelize promises, not by its position in the text.
 */
export const toArguments = ({ sql, bound }: SqlStatement): readonly (readonly unknown[] | object)[] => {
  if (!Array.isArray(bound) || bound.length === 0) return [bound]
  const parameters = tokensOf(sql).filter(({ text }) => /^(?:\$\w+|\?)$/.test(text))
  const numbered = parameters.flatMap(({ text }) => (/^\$\d+$/.test(text) ? [Number(text.slice(1))] : []))
  if (numbered.length === 0) return [bound]
  const byNumber = Object.fromEntries(numbered.map(number => [number, bound[number - 1]]))
  return parameters.length > numbered.length ? [bound, byNumber] : [byNumber]
}

/** A row with its integers as numbers, or beyond 2^53 as text, never rounded. */
export const toRow = (row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, fromSqlite(value)]))

/** Turns a bigint into a number, or into text if a number would round it; returns anything else unchanged. */
export const fromSqlite = (value: unknown): unknown => {
  if (typeof value !== 'bigint') return value
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : String(value)
}
