import type { Connection } from '../database/open.ts'
import { readTableNames } from '../database/schema.ts'
import { hasHistory, historyTable } from './history.ts'
import type { Conflict } from './plan.ts'

/** A conflict for a database with tables and no history of migrations; none where this program made it, or nobody yet. */
export const findForeign = (connection: Connection): readonly Conflict[] => {
  if (hasHistory(connection)) return []
  return readTableNames(connection)
    .filter(name => name !== historyTable)
    .slice(0, 1)
    .map(name => ({
      code: 'HISTORY_CONFLICT',
      name: `table ${name}`,
      finding: 'was made by another program, and there is no history of migrations',
      hint: 'Run "migrator adopt" to take the database over as it is, or name another file with DATABASE_URL.',
    }))
}
