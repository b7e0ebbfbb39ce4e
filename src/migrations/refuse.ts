import type { Connection } from '../database/open.ts'
import { readSchema } from '../database/schema.ts'
import { Failure } from '../failure.ts'
import { hasHistory } from './history.ts'
import type { Conflict } from './plan.ts'

/** @throws Failure HISTORY_CONFLICT when the database at `path` has tables and no history of migrations */
export const refuseForeign = (connection: Connection, path: string): void => {
  if (hasHistory(connection)) return
  const table = readSchema(connection).find(({ type }) => type === 'table')?.name
  if (table === undefined) return
  throw new Failure(
    'HISTORY_CONFLICT',
    `${path} was made by another program: it has a table ${table} and no history of migrations`,
    'Name another file with DATABASE_URL, or move this one away.',
  )
}

/** @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD or OUT_OF_ORDER, the first of them that there is, and tells of all */
export const refuseConflicts = (conflicts: readonly Conflict[], path: string): void => {
  const codes = ['HISTORY_CONFLICT', 'DATABASE_AHEAD', 'OUT_OF_ORDER'] as const
  const code = codes.find(candidate => conflicts.some(conflict => conflict.code === candidate))
  if (code === undefined) return
  const findings = conflicts.map(({ name, finding }) => `${name} ${finding}`)
  const hints = new Set(conflicts.map(({ hint }) => hint))
  throw new Failure(code, `${path} and its migrations disagree: ${findings.join('; ')}`, [...hints].join(' '))
}
