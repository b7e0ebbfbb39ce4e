import type { Reader } from '../engine.ts'
import { Failure } from '../failure.ts'
import { type Dialect, readMigrationFiles } from '../migrations/files.ts'
import { headOf, planWithoutConflicts } from '../migrations/plan.ts'
import type { ServerSchema } from '../postgres/schema.ts'
import { isOfReplication } from '../sqlite/reader.ts'
import type { Schema } from '../sqlite/schema/read.ts'

/**
 * The last migration of a database that all known migrations were applied to.
 * @param database names it in messages
 * @throws Failure CONFIG_INVALID if some are pending; HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER
 */
export const requireAtHead = async (
  reader: Reader,
  folder: string,
  dialect: Dialect,
  database: string,
): Promise<string> => {
  const { applied, pending } = await planWithoutConflicts(reader, readMigrationFiles(folder, dialect), database)
  const [next] = pending
  if (next === undefined) return headOf(applied)
  const hint = 'Run `migrator up` on it first: the hub that goes with this version uses what it makes.'
  throw new Failure(
    'CONFIG_INVALID',
    `${database} is at ${headOf(applied) || 'no migration'}, and ${next.name} is pending`,
    hint,
  )
}

/** The tables of a file whose rows are its own: replication keeps others. */
export const tablesInFile = ({ tables }: Schema): Schema['tables'] =>
  tables.filter(({ name }) => !isOfReplication(name))

/** The tables of a server that rows are written into: those of partitions go by the table that they are of. */
export const tablesOnServer = ({ tables }: ServerSchema): ServerSchema['tables'] =>
  tables.filter(({ end }) => !/ FOR VALUES | DEFAULT(?: |$)/.test(end))
