import { checkForeignKeys } from './check-foreign-keys.ts'
import { differ, type Finding } from './finding.ts'
import type { Connection } from './open.ts'
import type { Structure } from './structure.ts'

/**
 * Looks for rows whose foreign key names a parent that is not there: whoever writes with foreign keys off, as the sqlite3 shell
 * and Python do unless told otherwise, can leave them. Reads every row with a foreign key.
 */
export const findOrphans = (connection: Connection, { tables }: Structure): readonly Finding[] =>
  tables
    .filter(({ foreignKeys }) => foreignKeys.length > 0)
    .flatMap(({ name }) => {
      const checked = checkForeignKeys(connection, name)
      if ('unchecked' in checked)
        return differ('difference', `foreign keys of ${name}`, 'check', 'possible', checked.unchecked)
      return checked.broken.flatMap(({ parent, rows, first }) => {
        const found = `${rows}${first === null ? '' : `, the first with rowid ${first}`}`
        return differ('difference', `foreign keys of ${name} to ${parent}`, 'rows without a parent', '0', found)
      })
    })
