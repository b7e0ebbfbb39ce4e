/** Names, values and rows to choose from. */
import { any, change, isTextKey, key, literal, number, type Row, type Table, tag } from '../world.ts'

/** One of these; undefined where there is none. */
export const pick = <T>(all: readonly T[], nth: number): T | undefined => all[nth % Math.max(all.length, 1)]

/** Does it in one of these ways. */
export const oneOf = (how: number, ...ways: readonly (() => void)[]): void => pick(ways, how)?.()

export const tableNames = [
  'metrics',
  'Two words',
  'it"s',
  'Order',
  'été',
  'archive.servers',
  'servers',
  'a]b',
  'Check',
  'archive.metrics',
  'v1',
  '_',
]

/** A value as it is given, and as SQLite keeps it in a column without a type. */
export type Value = Readonly<{ js: unknown; sql: string; plain: boolean }>
export const nothing: Value = { js: null, sql: 'NULL', plain: true }
export const values: readonly Value[] = [
  nothing,
  { js: 3, sql: '3', plain: true },
  { js: 0.5, sql: '0.5', plain: true },
  { js: 'it\'s; -- "x" ? :a $1 /*', sql: literal('it\'s; -- "x" ? :a $1 /*'), plain: true },
  { js: true, sql: '1', plain: true },
  { js: false, sql: '0', plain: true },
  { js: -(2 ** 31) - 1, sql: String(-(2 ** 31) - 1), plain: false },
  { js: Number.MAX_SAFE_INTEGER, sql: String(Number.MAX_SAFE_INTEGER), plain: false },
  { js: 2n ** 62n + 1n, sql: String(2n ** 62n + 1n), plain: false },
  { js: Buffer.from('00ff27', 'hex'), sql: "X'00FF27'", plain: true },
  { js: new Date('2026-02-01T12:00:00Z'), sql: "'2026-02-01 12:00:00'", plain: false },
  { js: new Date('2026-02-01T12:00:00.25Z'), sql: "'2026-02-01 12:00:00.250'", plain: false },
  { js: '', sql: "''", plain: true },
  { js: '007', sql: "'007'", plain: true },
  { js: '🗄 COMMIT; ROLLBACK', sql: "'🗄 COMMIT; ROLLBACK'", plain: true },
]

/** What JavaScript has for what is in a cell. */
export const jsOf = (sql: string): unknown => {
  if (sql === 'NULL') return null
  return sql.startsWith("'") ? sql.slice(1, -1).replaceAll("''", "'") : Number(sql)
}

/** A key that is made of a number. */
export const keyFrom = (table: Table, id: number): string => (isTextKey(table.kind) ? `'k${id}'` : String(id))

export const newRow = (table: Table, id: number, born: number, value: Value): Row => {
  const row: Row = { id, born, cells: {} }
  for (const column of table.columns.slice(4)) change(row, column, column.fallback ?? 'NULL')
  change(row, key(table), keyFrom(table, id))
  change(row, tag(table), `'tag ${id}'`)
  change(row, number(table), String(id % 5))
  change(row, any(table), value.sql)
  return row
}
