import { MigrationError } from 'umzug'
import type { Around } from '../database/around.ts'
import type { Connection } from '../database/open.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { Failure } from '../failure.ts'
import type { OnProgress } from './backfill.ts'
import { countDeletes, findLosses, takeSnapshot } from './guard.ts'
import { prepareHistory } from './history.ts'
import type { LoadedMigration } from './load.ts'
import { reasonOf } from './reason.ts'
import { type Applied, createRunner } from './runner.ts'
import { createWatch } from './watch.ts'

/** Seconds that a migration may go without a statement. */
export const settleLimit = 60

export type ApplyOptions = Readonly<{
  /** of this program, for the history */
  version: string
  /** stops the migration that runs; a Failure as its reason (a signal) is thrown on, anything else blamed on the migration */
  signal: AbortSignal
  /** seconds that a migration may take without a statement before it counts as never settling */
  settleLimit: number
  /** told of each batch of a backfill */
  onProgress: OnProgress
  /** stands around each statement of a migration, refused ones too */
  around: Around
}>

/**
 * Applies the pending ones of the loaded migrations, in order, and records each: Umzug runs them, on a QueryInterface over
 * the given connection. Must be called inside the transaction that undoes it all when this throws.
 * @returns the applied ones, with how long each took
 * @throws Failure MIGRATION_FAILED naming the migration; the signal's reason when that is a Failure
 */
export const applyMigrations = async (
  connection: Connection,
  migrations: readonly LoadedMigration[],
  { version, signal, settleLimit, onProgress, around }: ApplyOptions,
): Promise<readonly Applied[]> => {
  const watch = createWatch(signal, settleLimit)
  let before = takeSnapshot(connection)
  const guarded = (migration: LoadedMigration): LoadedMigration => ({
    ...migration,
    up: async params => {
      const deletesSince = countDeletes(connection, before)
      await watch.run(migration.name, () => migration.up(params))
      const deletes = deletesSince()
      const after = takeSnapshot(connection)
      const losses = findLosses(before, after, deletes, migration.removesRows)
      if (losses.length > 0) throw lostData(migration.name, losses)
      before = after
    },
  })

  prepareHistory(connection, migrations)
  const applied: Applied[] = []
  const onApplied = (migration: Applied): unknown => applied.push(migration)
  const runner = createRunner(connection, migrations.map(guarded), {
    version,
    around: (asked, execute) =>
      around(asked, () => {
        watch.before(asked.sql)
        return execute()
      }),
    onApplied,
    onProgress,
  })
  try {
    await runner.up()
  } catch (error) {
    throw signal.reason instanceof Failure ? signal.reason : failureOf(error, connection.name)
  }
  return applied
}

const lostData = (name: string, losses: readonly string[]): Failure =>
  new Failure(
    'MIGRATION_FAILED',
    `migration ${name} lost data: ${losses.join('; ')}`,
    'Everything was rolled back. Rows that are meant to go are announced: export const removesRows = [...].',
  )

/** Umzug wraps what a migration threw and names it; a full disk and a damaged file are no fault of the migration. */
const failureOf = (error: unknown, path: string): unknown => {
  if (!(error instanceof MigrationError)) return error
  const failure = toFailure(error.cause, path)
  if (failure instanceof Failure) return failure
  return new Failure(
    'MIGRATION_FAILED',
    `migration ${error.migration.name} failed: ${reasonOf(error.cause)}`,
    'Everything was rolled back; the database is as it was. Mend the migration, then start again.',
    error.cause,
  )
}
