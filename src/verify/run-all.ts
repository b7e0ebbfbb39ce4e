import type { Migratable, StatementHook } from '../engine.ts'
import { Failure } from '../failure.ts'
import { migrationFailed } from '../migrations/blame.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { createRunner, createWatch, idleLimit } from '../migrations/run.ts'
import { MigrationError } from '../umzug.ts'

/**
 * Applies all migrations to an empty database, in a transaction that is never committed. Runs without the guard, which counts every
 * table's rows around each migration: here there are no rows to lose.
 * @param version of this program
 * @param signal stops the running migration
 * @param afterEach called after each migration
 * @param hook wraps each statement
 * @throws Failure MIGRATION_FAILED naming the migration that fails on an empty database; the signal's reason
 */
export const runAll = async (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  {
    version,
    signal,
    afterEach,
    hook,
  }: Readonly<{ version: string; signal: AbortSignal; afterEach: () => unknown; hook: StatementHook }>,
): Promise<void> => {
  const watch = createWatch(signal, idleLimit, database.refusal)
  try {
    await database.prepareHistory(migrations)
    const runner = createRunner(database, migrations, {
      version,
      executed: async () => [],
      within: async (migration, work, record) => {
        await watch.run(migration, work).catch(error => {
          throw migrationFailed(migration, error)
        })
        await record()
        await afterEach()
      },
      hook: (asked, execute) =>
        hook(asked, () => {
          watch.before(asked.sql)
          return watch.untilAnswered(execute())
        }),
      onProgress: () => undefined,
    })
    await runner.up()
  } catch (error) {
    throw signal.reason instanceof Failure ? signal.reason : error instanceof MigrationError ? error.cause : error
  }
}
