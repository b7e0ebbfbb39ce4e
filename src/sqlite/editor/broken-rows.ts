import { attempt, reasonOf } from '../../failure.ts'
import { formatThings } from '../../text.ts'
import type { Connection } from '../connect.ts'
import { hasName, quote, tokensOf, unquote } from '../sql.ts'

/** Rows to check against a constraint before it is added. */
export type Rows = Readonly<{
  connection: Connection
  table: string
  columns: readonly string[]
  /** the SQL to read them FROM: the table, or a SELECT in parentheses of its future rows */
  from: string
}>

/** `servers.name is NULL in 2 rows`; undefined if in none. */
export const describeNulls = ({ connection, from, table }: Rows, column: string): string | undefined => {
  const sql = `SELECT count(*) FROM ${from} WHERE ${quote(column)} IS NULL`
  const rows = Number(connection.prepare(sql).pluck().get())
  return rows === 0 ? undefined : `${table}.${column} is NULL in ${formatThings(rows, 'row')}`
}

/** `3 rows of servers are alike in name, as in name = 'a'`; undefined if all differ. */
export const describeAlike = ({ connection, from, table }: Rows, columns: readonly string[]): string | undefined => {
  const names = columns.map(quote).join(', ')
  const whole = columns.map(column => `${quote(column)} IS NOT NULL`).join(' AND ')
  const groups = `SELECT ${names}, count(*) AS "rows alike" FROM ${from} WHERE ${whole} GROUP BY ${names} HAVING count(*) > 1`
  const rows = Number(connection.prepare(`SELECT sum("rows alike") FROM (${groups})`).pluck().get())
  if (rows === 0) return undefined
  const example = firstOf(connection, `(${groups})`, columns)
  return `${formatThings(rows, 'row')} of ${table} are alike in ${columns.join(', ')}, as in ${example}`
}

/** `2 rows of servers break CHECK (watts > 5), as in watts = 3`; undefined if none does. */
export const describeBroken = ({ connection, from, table, columns: all }: Rows, check: string): string | undefined => {
  const broken = `FROM ${from} WHERE NOT (${check})`
  const rows = Number(connection.prepare(`SELECT count(*) ${broken}`).pluck().get())
  if (rows === 0) return undefined
  const named = tokensOf(check).map(({ text }) => unquote(text))
  const columns = all.filter(column => hasName(named, column))
  const example = columns.length === 0 ? '' : `, as in ${firstOf(connection, `(SELECT * ${broken} LIMIT 1)`, columns)}`
  return `${formatThings(rows, 'row')} of ${table} ${rows === 1 ? 'breaks' : 'break'} CHECK (${check})${example}`
}

/** `name = 'a', port = 22` */
const firstOf = (connection: Connection, from: string, columns: readonly string[]): string => {
  const values = connection
    .prepare<[], string[]>(`SELECT ${columns.map(column => `quote(${quote(column)})`).join(', ')} FROM ${from} LIMIT 1`)
    .raw()
    .get()
  return columns.map((column, index) => `${column} = ${values?.[index]}`).join(', ')
}

const failed = /^(NOT NULL|UNIQUE|CHECK) constraint failed: (.*)$/s

/**
 * Turns SQLite's error about a failed constraint into one that names the rows.
 * @param checks the expression of each CHECK, by its name in SQLite's message: the constraint's name, or the expression
 * @returns the error unchanged if it is about something else
 */
export const explainConstraint = (error: unknown, rows: Rows, checks: ReadonlyMap<string, string>): unknown => {
  const [, kind, what = ''] = failed.exec(reasonOf(error)) ?? []
  if (kind === undefined) return error
  // drop the table from the names: it has a temporary name while it is filled
  const columns = what.split(', ').map(name => name.slice(name.lastIndexOf('.') + 1))
  const described = attempt(() => {
    if (kind === 'UNIQUE') return describeAlike(rows, columns)
    if (kind === 'CHECK') return describeBroken(rows, checks.get(what) ?? what)
    return describeNulls(rows, columns.join(', '))
  })
  return 'value' in described && described.value !== undefined ? new Error(described.value, { cause: error }) : error
}
