import { look } from '../database/look.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { whenFree } from '../database/wait.ts'
import { Failure } from '../failure.ts'
import { type MigrationText, readMigrationTexts } from '../migrations/files.ts'
import { type KnownMigration, toKnown } from '../migrations/known.ts'
import { watchOutside } from '../migrations/lint/watch-outside.ts'
import { planSql } from '../migrations/plan-sql.ts'
import { refuseLostDatabase } from '../ready/refuse-lost-database.ts'
import { sizeWithJournals } from '../ready/state.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import { type Context, patienceOf } from './context.ts'
import { planText } from './plan-text.ts'
import { type Planned, toPlanned } from './planned.ts'
import { pendingOf, type TriedOut, tryOut } from './try-out.ts'
import { withCopy } from './with-copy.ts'

/** What `plan --json` prints, documented in docs/commands/plan.md. Fields are added, never changed. */
export type Plan = Readonly<{
  database: string
  /** names of all that are pending, whether they were tried or not */
  pending: readonly string[]
  /** those that were tried */
  migrations: readonly Planned[]
  /** what `up` will need on the volume; null where nothing is pending, or `up` would fail */
  bytes: Readonly<{ growth: number; journal: number; backup: number }> | null
  /** why `up` would fail; null where it would not */
  failure: Readonly<{ code: string; message: string; hint: string }> | null
}>

/**
 * Applies the pending migrations to a copy of the database in a temporary folder, and shows what they do. The volume is only
 * read, and nothing is left there.
 * @throws Failure what `up` would fail with, after it has shown how far it came; DISK_FULL when the copy has no room
 */
export const plan = async (context: Context, output: Readonly<{ json: boolean; sql: boolean }>): Promise<void> => {
  const { config, host, print } = context
  const { database } = config
  refuseMissingVolume(config.volume, host)
  const texts = readMigrationTexts(config.migrations)
  const known = texts.map(toKnown)
  refuseLostDatabase(config)
  const bytes = sizeWithJournals(database)
  const nothing: Plan = { database, pending: [], migrations: [], bytes: null, failure: null }
  const pending = await pendingIn(context, known, bytes).catch(error => {
    const failure = toFailure(error, database)
    if (output.json && failure instanceof Failure) print(toOutput({ ...nothing, failure: failureOf(failure) }, true))
    throw failure
  })
  if (pending.length === 0) {
    print(output.sql ? `-- nothing is pending in ${database}\n` : toOutput(nothing, output.json))
    return
  }
  const { tried, migrations, failure } = await tryOnCopy(context, texts)
  if (!output.sql) {
    const { growth, journal } = tried
    const backup = config.backup === 'auto' ? bytes : 0
    const shown: Plan = {
      database,
      pending: pending.map(({ name }) => name),
      migrations,
      bytes: failure === null ? { growth, journal, backup } : null,
      failure: failure && failureOf(failure),
    }
    print(toOutput(shown, output.json))
  } else if (failure === null) print(planSql({ ...tried, database, isNew: bytes === 0, version: context.version }))
  if (failure !== null) throw failure
}

const pendingIn = async (
  context: Context,
  known: readonly KnownMigration[],
  bytes: number,
): Promise<readonly KnownMigration[]> => {
  const { database } = context.config
  if (bytes === 0) return known
  return await whenFree(() => look(database, connection => pendingOf(connection, known, database)), patienceOf(context))
}

const toOutput = (shown: Plan, json: boolean): string => (json ? `${JSON.stringify(shown)}\n` : planText(shown))

const failureOf = ({ code, message, hint }: Failure): Plan['failure'] => ({ code, message, hint })

type Tried = Readonly<{
  tried: TriedOut
  migrations: readonly Planned[]
  /** what `up` would fail with; null where it would not */
  failure: Failure | null
}>

const tryOnCopy = async (context: Context, texts: readonly MigrationText[]): Promise<Tried> => {
  const known = texts.map(toKnown)
  const outside = watchOutside(known)
  try {
    return await withCopy(context, async copy => {
      const tried = await tryOut(context, known, copy, outside.running)
      // it was the copy that had no room, which says nothing of the volume
      const failure = tried.error === undefined ? null : toFailure(tried.error, context.config.database)
      if (failure !== null && (!(failure instanceof Failure) || failure.code === 'DISK_FULL')) throw failure
      const migrations = tried.trials.map(trial => {
        const { name } = trial.migration
        const text = texts.filter(candidate => candidate.name === name).map(candidate => candidate.text)
        return toPlanned(trial, outside.findings(trial.migration), text.join())
      })
      return { tried, migrations, failure }
    })
  } finally {
    outside.stop()
  }
}
