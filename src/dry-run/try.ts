// This room is about SQLite.
import type { Context } from '../context.ts'
import type { Reader, StatementHook, TableSize } from '../engine.ts'
import { historyTable } from '../history.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { type LoadedMigration, loadMigrations } from '../migrations/load.ts'
import { planWithoutConflicts } from '../migrations/plan.ts'
import { applyMigrations, idleLimit } from '../migrations/run.ts'
import { checkFileByHelper, checkOf, countTables, refuseDamage } from '../sqlite/check.ts'
import { type Connection, openDatabase, withTransaction } from '../sqlite/connect.ts'
import { journals } from '../sqlite/file.ts'
import { helperOf } from '../sqlite/helper.ts'
import { uncheckedTables } from '../sqlite/keys.ts'
import { patienceOf } from '../sqlite/sqlite.ts'
import { migratableOn } from '../sqlite/transaction.ts'
import { historyStatements } from '../sqlite/write-history.ts'
import { createProgress } from '../text.ts'
import { sizeOf } from '../volume/files.ts'
import { countValues, type Values } from './losses.ts'
import { afterOf, createRecorder, type Recording } from './record.ts'

/** What a migration did, as far as it got. */
export type DryRunResult = Readonly<{
  migration: LoadedMigration
  recording: Recording
  /** rows of each table */
  before: readonly TableSize[]
  valuesBefore: readonly Values[]
  /** what is known once it ended; undefined if it was stopped */
  end: DryRunEnd | undefined
}>

export type DryRunEnd = Readonly<{
  after: readonly TableSize[]
  valuesAfter: readonly Values[]
  milliseconds: number
  /** by which the database grew */
  bytes: number
  /** true if it returned, false if it threw */
  returned: boolean
}>

/**
 * Watches migrations that run on a copy: `tried` wraps a migration so that it adds its DryRunResult to `trials`; `around` is the
 * statement hook that records its statements.
 * @param onRun gets the name of the migration that runs next
 */
export const createDryRuns = (connection: Connection, onRun: (name: string) => void) => {
  const { around, record } = createRecorder(connection, () => false)
  const trials: DryRunResult[] = []

  const tried = (migration: LoadedMigration): LoadedMigration => ({
    ...migration,
    up: async params => {
      onRun(migration.name)
      const bytes = sizeNow(connection)
      const recording = record(migration)
      const valuesBefore = countValues(connection, recording.before)
      const trial = { migration, recording, before: countRows(connection), valuesBefore, end: undefined }
      trials.push(trial)
      const start = performance.now()
      const end = (returned: boolean): void => {
        const milliseconds = performance.now() - start
        // a stopped migration may end after everything was rolled back and closed
        if (!connection.inTransaction) return
        const after = countRows(connection)
        const valuesAfter = countValues(connection, afterOf(recording))
        const bytesMore = sizeNow(connection) - bytes
        trials.splice(-1, 1, { ...trial, end: { after, valuesAfter, milliseconds, bytes: bytesMore, returned } })
      }
      try {
        await migration.up(params)
        end(true)
      } catch (error) {
        end(false)
        throw error
      }
    },
  })

  return { around, tried, trials }
}

/** Bytes the database would have if the transaction committed now. */
export const sizeNow = (connection: Connection): number =>
  Number(connection.prepare('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size').pluck().get())

const countRows = (connection: Connection): readonly TableSize[] =>
  countTables(connection).filter(({ name }) => name !== historyTable)

export type DryRun = Readonly<{
  trials: readonly DryRunResult[]
  /** statements that prepare the history */
  history: readonly string[]
  /** tables whose foreign keys cannot be checked, before the first migration and after the last */
  unchecked: Readonly<{ before: readonly string[]; after: readonly string[] }>
  /** bytes by which the database grew */
  growth: number
  /** peak bytes of its journal or WAL */
  journal: number
  /** the SQLite version it was tried with */
  sqlite: string
  /** why it ended early; undefined if every pending migration was applied */
  error: unknown
}>

/**
 * The pending migrations among the known ones.
 * @param path of the database, for messages: the reader may be on a copy
 * @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, as `up` does
 */
export const pendingOf = async (
  reader: Reader,
  known: readonly MigrationFile[],
  path: string,
): Promise<readonly MigrationFile[]> => (await planWithoutConflicts(reader, known, path)).pending

/**
 * Applies the pending migrations to a copy as `up` would to the database, and returns what each did, even if one fails.
 * @param onRun gets the name of the migration that runs next
 * @throws what `up` throws before the first migration runs; the signal's reason
 */
export const dryRun = async (
  context: Context,
  known: readonly MigrationFile[],
  copy: string,
  onRun: (name: string) => void,
): Promise<DryRun> => {
  const { config, log, signal, version } = context
  const connection = openDatabase(copy)
  try {
    const start = sizeNow(connection)
    const { around, tried, trials } = createDryRuns(connection, onRun)
    let journal = 0
    const measure = (): void => {
      const sizes = journals.map(suffix => sizeOf(copy + suffix))
      journal = Math.max(journal, ...sizes)
    }
    const measured: StatementHook = (asked, execute) => {
      const executed = around(asked, execute)
      measure()
      return executed
    }
    let history: readonly string[] = []
    let unchecked: DryRun['unchecked'] = { before: [], after: [] }
    const error = await withTransaction(connection, patienceOf(context), async () => {
      const database = migratableOn(connection)
      await pendingOf(database, known, config.database)
      // an empty copy means there is no database yet, so there is nothing to check
      if (start > 0 && config.check !== 'never')
        refuseDamage(config.database, await checkFileByHelper(copy, checkOf(config), helperOf(context)))
      const migrations = await loadMigrations(known, signal)
      history = historyStatements(connection, known)
      const before = uncheckedTables(connection)
      const onProgress = createProgress(log, 'rows')
      const options = { version, signal, idleLimit, onProgress, hook: measured, backup: undefined }
      await applyMigrations(database, migrations.map(tried), options)
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
