// This room is about SQLite.
import Database from 'better-sqlite3'
import { createRecorder, type Recording } from '../dry-run/record.ts'
import { attemptAsync, Failure, reasonOf } from '../failure.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { createRunner, createWatch, type RunOptions } from '../migrations/run.ts'
import type { Connection } from '../sqlite/connect.ts'
import { migratableOn } from '../sqlite/transaction.ts'
import { prepareHistory } from '../sqlite/write-history.ts'
import { MigrationError } from '../umzug.ts'
import { findPlace, type Place } from '../where.ts'
import { isRefused } from './statements.ts'

/** One run of a migration in one direction. */
export type Run = Readonly<{
  recording: Recording
  /** why it failed; null if it did not */
  failed: string | null
  /** where it failed; undefined if that is not known */
  place: Place | undefined
}>

export type Rehearsal = Readonly<{
  name: string
  /** tables it declares to delete rows from */
  removesRows: readonly string[]
  up: Run
  /** run right after `up`; undefined if there is no `down`, or `up` failed */
  down: Run | undefined
}>

export type RehearseOptions = Pick<RunOptions, 'version' | 'signal' | 'idleLimit'> &
  Readonly<{
    /** gets the name of the migration that runs next */
    onRun: (name: string) => void
  }>

/**
 * Runs migrations in order on an empty in-memory database: `up`, then `down`, which is rolled back. A failed one leaves nothing,
 * and the later ones still run. A statement that the migrator refuses is recorded and skipped. Ends early after a migration that
 * aborts the signal, such as one that never settles, or one after which SQLite rolled everything back.
 * @throws Failure the signal's reason, if that is one
 */
export const rehearse = async (
  migrations: readonly LoadedMigration[],
  options: RehearseOptions,
): Promise<readonly Rehearsal[]> => {
  const connection = new Database(':memory:')
  const rehearsals: Rehearsal[] = []
  try {
    connection.pragma('foreign_keys = OFF')
    connection.exec('BEGIN')
    prepareHistory(connection, [])
    for (const migration of migrations) {
      if (options.signal.aborted || !connection.inTransaction) break
      options.onRun(migration.name)
      rehearsals.push(await rehearseOne(connection, migration, options))
    }
    return rehearsals
  } finally {
    connection.close()
  }
}

const rehearseOne = async (
  connection: Connection,
  migration: LoadedMigration,
  { version, signal, idleLimit }: RehearseOptions,
): Promise<Rehearsal> => {
  const { name, removesRows, down } = migration
  const { around, record } = createRecorder(connection, ({ sql }) => isRefused(sql))
  const database = migratableOn(connection)
  const watch = createWatch(signal, idleLimit, database.refusal)
  const runner = createRunner(database, [migration], {
    version,
    executed: async () => (await database.history()).map(applied => applied.name),
    within: async (_, work, record) => {
      await watch.run(migration, work)
      await database.refuseUnfinished()
      await record()
    },
    hook: (asked, execute) =>
      around(asked, () => {
        watch.before(asked.sql)
        return watch.untilAnswered(execute())
      }),
    onProgress: () => undefined,
  })

  const run = async (work: () => Promise<unknown>, keeps: boolean): Promise<Run> => {
    connection.exec('SAVEPOINT rehearsal')
    const recording = record(migration)
    const outcome = await attemptAsync(work)
    const error = 'error' in outcome ? outcome.error : undefined
    const cause = error instanceof MigrationError ? error.cause : error
    const failed = 'error' in outcome ? reasonOf(cause) : null
    const place = findPlace(cause, migration.file)
    if (signal.reason instanceof Failure) throw signal.reason
    if (!connection.inTransaction) return { recording, failed, place }
    if (failed !== null || !keeps) connection.exec('ROLLBACK TO rehearsal')
    connection.exec('RELEASE rehearsal')
    return { recording, failed, place }
  }

  const upRun = await run(() => runner.up({ migrations: [name] }), true)
  if (upRun.failed !== null || down === undefined) return { name, removesRows, up: upRun, down: undefined }
  return { name, removesRows, up: upRun, down: await run(() => runner.down({ migrations: [name] }), false) }
}
