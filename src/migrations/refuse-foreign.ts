import type { Connection } from '../database/open.ts'
import { readSchema } from '../database/schema.ts'
import { Failure } from '../failure.ts'
import { hasHistory, historyTable } from './history.ts'

/** A table that shows that another program made the database; undefined where this one did, or nobody yet. */
export const findForeign = (connection: Connection): string | undefined =>
  hasHistory(connection)
    ? undefined
    : readSchema(connection).find(({ type, name }) => type === 'table' && name !== historyTable)?.name

/** @throws Failure HISTORY_CONFLICT for a database with tables and no history of migrations */
export const refuseForeign = (connection: Connection): void => {
  const table = findForeign(connection)
  if (table === undefined) return
  throw new Failure(
    'HISTORY_CONFLICT',
    `${connection.name} was made by another program: it has a table ${table} and no history of migrations`,
    'Run "migrator adopt" to take it over as it is. Or name another file with DATABASE_URL.',
  )
}
