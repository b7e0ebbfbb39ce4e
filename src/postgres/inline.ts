import type { SqlStatement } from '../engine.ts'
import { literal, tokensOf } from './sql.ts'

/** Replaces a statement's parameters (`$1`) by their values, so that it does the same when psql runs it. */
export const inlineValues = ({ sql, bound }: SqlStatement): string => {
  if (!Array.isArray(bound) || bound.length === 0) return sql
  const values: readonly unknown[] = bound
  // last one first, so that the positions of the others stay valid
  return tokensOf(sql)
    .filter(({ text }) => /^\$\d+$/.test(text))
    .reduceRight((text, { text: parameter, start, end }) => {
      const value = values[Number(parameter.slice(1)) - 1]
      return text.slice(0, start) + toLiteral(value) + text.slice(end)
    }, sql)
}

const toLiteral = (value: unknown): string => {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (Buffer.isBuffer(value)) return `'\\x${value.toString('hex')}'::bytea`
  if (value instanceof Date) return literal(value.toISOString())
  if (Array.isArray(value)) return `ARRAY[${value.map(toLiteral).join(', ')}]`
  return literal(typeof value === 'object' ? JSON.stringify(value) : String(value))
}
