import type { Connection } from '../database/open.ts'
import { type Difference, differences } from './differences.ts'
import type { Loss } from './guard.ts'
import { createGuardedRunner, lostData, type RunOptions } from './guarded-runner.ts'
import { historyTable } from './history.ts'
import { readHubStructure } from './hub-structure.ts'
import type { LoadedMigration } from './load.ts'

/** What taking one migration back did. */
export type Reverted = Readonly<{ name: string; structure: readonly Difference[]; losses: readonly Loss[] }>

/**
 * Takes applied migrations back by their `down`, in the order of `names`, and their records with them. Must be called inside
 * the transaction that undoes it all when this throws.
 * @param mayLose whether rows of a table may go; a foreign key that breaks is never meant
 * @throws Failure MIGRATION_FAILED naming the migration; the signal's reason when that is a Failure
 */
export const revertMigrations = async (
  connection: Connection,
  migrations: readonly LoadedMigration[],
  names: readonly string[],
  options: RunOptions,
  mayLose: (table: string) => boolean,
): Promise<readonly Reverted[]> => {
  const reverted: Reverted[] = []
  let before = readHubStructure(connection)
  const runner = createGuardedRunner(
    connection,
    migrations,
    options,
    ({ name }, found) => {
      // the record of the one before went after its rows were counted
      const losses = found.filter(({ table }) => table !== historyTable)
      const unmeant = losses.filter(({ table }) => table === null || !mayLose(table))
      if (unmeant.length > 0) throw lostData(name, unmeant, 'Everything was rolled back; mend its down.')
      const after = readHubStructure(connection)
      reverted.push({ name, structure: differences(before, after), losses })
      before = after
    },
    () => undefined,
  )
  await runner.down(names)
  return reverted
}
