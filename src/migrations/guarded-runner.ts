import { MigrationError } from 'umzug'
import type { Around } from '../database/around.ts'
import type { Connection } from '../database/open.ts'
import { sqliteCode, toFailure } from '../database/sqlite-failure.ts'
import { Failure } from '../failure.ts'
import type { OnProgress } from './backfill.ts'
import { createGuard, type Loss } from './guard.ts'
import { prepareHistory } from './history.ts'
import type { LoadedMigration } from './load.ts'
import { reasonOf } from './reason.ts'
import { type Applied, createRunner } from './runner.ts'
import { createWatch } from './watch.ts'

export type RunOptions = Readonly<{
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
 * Umzug over a connection, with all that protects the data: every statement is watched, the rows are counted before and after
 * each migration, and the history is kept with them. Must be used inside the transaction that undoes it all when it throws.
 * @param onLosses told after each migration what it lost, and throws unless that is meant
 * @param onApplied told after a migration was applied and recorded
 * @returns `up` applies what is pending, `down` takes back the named ones, in that order; both throw Failure MIGRATION_FAILED
 *   naming the migration, or the signal's reason when that is a Failure
 */
export const createGuardedRunner = (
  connection: Connection,
  migrations: readonly LoadedMigration[],
  { version, signal, settleLimit, onProgress, around }: RunOptions,
  onLosses: (migration: LoadedMigration, losses: readonly Loss[]) => void,
  onApplied: (migration: Applied) => void,
) => {
  const watch = createWatch(signal, settleLimit)
  prepareHistory(connection, migrations)
  const guard = createGuard(connection)
  const guarded = (migration: LoadedMigration): LoadedMigration => {
    const { name, up, down } = migration
    const run = async (work: () => Promise<unknown>): Promise<void> =>
      onLosses(migration, await guard(() => watch.run(name, work)))
    return { ...migration, up: params => run(() => up(params)), down: down && (params => run(() => down(params))) }
  }
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
  const named = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      throw signal.reason instanceof Failure ? signal.reason : failureOf(error, connection.name)
    }
  }
  return {
    up: () => named(() => runner.up()),
    down: (names: readonly string[]) => named(() => runner.down({ migrations: [...names] })),
  }
}

/** Umzug wraps what a migration threw and names it; a full disk and a damaged file are no fault of the migration. */
const failureOf = (error: unknown, path: string): unknown => {
  if (!(error instanceof MigrationError)) return error
  // what is wrong with its SQL is the migration's fault, and no damage
  const failure = /^SQLITE_ERROR/.test(String(sqliteCode(error.cause))) ? undefined : toFailure(error.cause, path)
  if (failure instanceof Failure) return failure
  return new Failure(
    'MIGRATION_FAILED',
    `migration ${error.migration.name} failed: ${reasonOf(error.cause)}`,
    'Everything was rolled back; the database is as it was. Mend the migration, then start again.',
    error.cause,
  )
}

/** A migration that lost what it was not to lose. */
export const lostData = (name: string, losses: readonly Loss[], hint: string): Failure =>
  new Failure('MIGRATION_FAILED', `migration ${name} lost data: ${losses.map(({ text }) => text).join('; ')}`, hint)
