import Database from 'better-sqlite3'
import { plainly } from '../database/around.ts'
import type { Structure } from '../database/structure.ts'
import { applyMigrations } from './apply.ts'
import { readHubStructure } from './hub-structure.ts'
import type { LoadedMigration } from './load.ts'
import { settleLimit } from './watch.ts'

/**
 * What the migrations make of an empty database, in memory: the structure after each of them. Nothing is read from the
 * volume, and nothing written.
 * @param version of this program
 * @param signal stops the migration that runs
 * @throws Failure MIGRATION_FAILED naming the migration that fails on an empty database; the signal's reason
 */
export const expectedStructures = async (
  migrations: readonly LoadedMigration[],
  version: string,
  signal: AbortSignal,
): Promise<readonly Structure[]> => {
  const connection = new Database(':memory:')
  const options = { version, signal, settleLimit, onProgress: () => undefined, around: plainly }
  const structures: Structure[] = []
  try {
    // as around `up`; it ends with the database, which nobody else has
    connection.exec('PRAGMA foreign_keys = OFF; BEGIN')
    for (const { name } of migrations) {
      const upTo = migrations.filter(migration => migration.name <= name)
      await applyMigrations(connection, upTo, options)
      structures.push(readHubStructure(connection))
    }
    return structures
  } finally {
    connection.close()
  }
}
