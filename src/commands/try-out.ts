import type { Around } from '../database/around.ts'
import { inspectByHelper, refuseDamage } from '../database/check-database.ts'
import { uncheckedTables } from '../database/check-foreign-keys.ts'
import { type Connection, openDatabase } from '../database/open.ts'
import { withTransaction } from '../database/transaction.ts'
import { applyMigrations } from '../migrations/apply.ts'
import { findForeign } from '../migrations/find-foreign.ts'
import { historyStatements, readHistory } from '../migrations/history.ts'
import type { KnownMigration } from '../migrations/known.ts'
import { loadMigrations } from '../migrations/load.ts'
import { makePlan, refuseConflicts } from '../migrations/plan.ts'
import { settleLimit } from '../migrations/watch.ts'
import { createProgress } from '../progress.ts'
import { sizeOf } from '../size-of.ts'
import { type Context, patienceOf } from './context.ts'
import { checkOf, helperOf } from './helper-of.ts'
import { createTrials, sizeNow, type Trial } from './trials.ts'

export type TriedOut = Readonly<{
  trials: readonly Trial[]
  /** statements that prepare the history */
  history: readonly string[]
  /** tables whose foreign keys cannot be checked, before the first migration and after the last */
  unchecked: Readonly<{ before: readonly string[]; after: readonly string[] }>
  /** bytes by which the database grew */
  growth: number
  /** bytes of its journal or WAL when that was largest */
  journal: number
  /** the version that it was tried with */
  sqlite: string
  /** why it ended early; undefined when every pending migration was applied */
  error: unknown
}>

/**
 * The names of the applied migrations, in order.
 * @param path the database's, for messages
 * @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, as `up` does
 */
export const appliedOf = (
  connection: Connection,
  known: readonly KnownMigration[],
  path: string,
): readonly string[] => {
  pendingOf(connection, known, path)
  return readHistory(connection).map(({ name }) => name)
}

/**
 * The pending ones of the known migrations.
 * @param path the database's, for messages: the connection may be to a copy
 * @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, as `up` does
 */
export const pendingOf = (
  connection: Connection,
  known: readonly KnownMigration[],
  path: string,
): readonly KnownMigration[] => {
  const { pending, conflicts } = makePlan(known, readHistory(connection))
  refuseConflicts([...findForeign(connection), ...conflicts], path)
  return pending
}

/**
 * Applies the pending migrations to a copy as `up` would to the database, and tells what each did, also when one fails.
 * @param onRun told which migration runs next
 * @throws what is wrong before the first one runs, as `up` does; the reason of a signal
 */
export const tryOut = async (
  context: Context,
  known: readonly KnownMigration[],
  copy: string,
  onRun: (name: string) => void,
): Promise<TriedOut> => {
  const { config, log, signal, version } = context
  const connection = openDatabase(copy)
  try {
    const start = sizeNow(connection)
    const { around, tried, trials } = createTrials(connection, onRun)
    let journal = 0
    const measure = (): void => {
      const sizes = ['-journal', '-wal'].map(suffix => sizeOf(copy + suffix))
      journal = Math.max(journal, ...sizes)
    }
    const measured: Around = (asked, execute) => {
      const executed = around(asked, execute)
      measure()
      return executed
    }
    let history: readonly string[] = []
    let unchecked: TriedOut['unchecked'] = { before: [], after: [] }
    const error = await withTransaction(connection, patienceOf(context), async () => {
      pendingOf(connection, known, config.database)
      // a database that is not there yet has nothing to be read for damage
      if (start > 0 && config.check !== 'never')
        refuseDamage(config.database, await inspectByHelper(copy, checkOf(config), helperOf(context)))
      const migrations = await loadMigrations(known)
      history = historyStatements(connection, known)
      const before = uncheckedTables(connection)
      const onProgress = createProgress(log, 'rows')
      const options = { version, signal, settleLimit, onProgress, around: measured }
      await applyMigrations(connection, migrations.map(tried), options)
      unchecked = { before, after: uncheckedTables(connection) }
      measure()
    }).then(
      () => undefined,
      (reason: unknown) => reason,
    )
    measure()
    if (error !== undefined && (trials.length === 0 || error === signal.reason)) throw error
    const sqlite = String(connection.prepare('SELECT sqlite_version()').pluck().get())
    return { trials, history, unchecked, growth: sizeNow(connection) - start, journal, sqlite, error }
  } finally {
    connection.close()
  }
}
