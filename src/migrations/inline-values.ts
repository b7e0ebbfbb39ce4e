import { attempt } from '../attempt.ts'
import type { Asked } from '../database/around.ts'
import type { Connection } from '../database/open.ts'
import { tokensOf } from '../database/tokens.ts'

/**
 * A statement with its values in the places of its parameters (`$name` and `?`), as SQLite itself writes them: run as it
 * is, it does what it did with them. A value that SQLite cannot have stays a parameter. (SQLite's own trace, better-sqlite3's
 * `verbose`, cuts values after 32 bytes.)
 */
export const inlineValues = (connection: Connection, { sql, bound }: Asked): string => {
  const values = new Map<string, unknown>(Object.entries(bound))
  const parameters = tokensOf(sql).filter(({ text }) => /^(?:\$\w|\?$)/.test(text))
  // the last one first, so that the places of the others stay true
  return parameters.reduceRight((text, parameter, index) => {
    const name = parameter.text === '?' ? String(index) : parameter.text.slice(1)
    const literal = attempt(() => toLiteral(connection, values.get(name)))
    if (!values.has(name) || 'error' in literal) return text
    return text.slice(0, parameter.start) + literal.value + text.slice(parameter.end)
  }, sql)
}

const toLiteral = (connection: Connection, value: unknown): string => {
  const quote = (what: unknown) => String(connection.prepare('SELECT quote(?)').pluck().get(what))
  // a literal of text ends at its first NUL
  if (typeof value === 'string' && value.includes('\0')) return `CAST(${quote(Buffer.from(value))} AS TEXT)`
  return quote(value)
}
