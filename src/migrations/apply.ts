import type { Connection } from '../database/open.ts'
import { createGuardedRunner, lostData, type RunOptions } from './guarded-runner.ts'
import type { LoadedMigration } from './load.ts'
import type { Applied } from './runner.ts'

/**
 * Applies the pending ones of the loaded migrations, in order, and records each. Must be called inside the transaction that
 * undoes it all when this throws.
 * @returns the applied ones, with how long each took
 * @throws Failure MIGRATION_FAILED naming the migration; the signal's reason when that is a Failure
 */
export const applyMigrations = async (
  connection: Connection,
  migrations: readonly LoadedMigration[],
  options: RunOptions,
): Promise<readonly Applied[]> => {
  const applied: Applied[] = []
  const runner = createGuardedRunner(
    connection,
    migrations,
    options,
    ({ name, removesRows }, losses) => {
      const unannounced = losses.filter(({ table }) => table === null || !removesRows.includes(table))
      const cure = unannounced.some(({ table }) => table !== null)
        ? 'Rows that are meant to go are announced: export const removesRows = [...].'
        : 'Mend the migration; "migrator lint" says which statement it was.'
      if (unannounced.length > 0) throw lostData(name, unannounced, `Everything was rolled back. ${cure}`)
    },
    migration => applied.push(migration),
  )
  await runner.up()
  return applied
}
