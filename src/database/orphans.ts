import { attempt } from '../attempt.ts'
import { differ, type Finding } from './finding.ts'
import type { Connection } from './open.ts'
import { sqliteCode } from './sqlite-failure.ts'
import type { Structure } from './structure.ts'

type Row = { parent: string; rows: number; first: number | null }

/**
 * Looks for rows whose foreign key names a parent that is not there: whoever writes with foreign keys off, as the sqlite3 shell
 * and Python do unless told otherwise, can leave them. Reads every row with a foreign key.
 */
export const findOrphans = (connection: Connection, { tables }: Structure): readonly Finding[] => {
  const check = connection.prepare<[string], Row>(
    'SELECT parent, count(*) AS rows, min("rowid") AS first FROM pragma_foreign_key_check(?) GROUP BY parent ORDER BY parent',
  )
  return tables
    .filter(({ foreignKeys }) => foreignKeys.length > 0)
    .flatMap(({ name }) => {
      const outcome = attempt(() => check.all(name))
      if ('error' in outcome) return unchecked(name, outcome.error)
      return outcome.value.flatMap(({ parent, rows, first }) => {
        const found = `${rows}${first === null ? '' : `, the first with rowid ${first}`}`
        return differ('difference', `foreign keys of ${name} to ${parent}`, 'rows without a parent', '0', found)
      })
    })
}

/** SQLite checks no foreign key whose parent columns are not unique; every write to the table fails then. */
const unchecked = (table: string, error: unknown): readonly Finding[] => {
  if (!(error instanceof Error) || sqliteCode(error) !== 'SQLITE_ERROR') throw error
  return differ('difference', `foreign keys of ${table}`, 'check', 'possible', error.message)
}
