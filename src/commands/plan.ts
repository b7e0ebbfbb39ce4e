import { basename, join } from 'node:path'
import { copyWithoutTrace } from '../database/copy-without-trace.ts'
import { look } from '../database/look.ts'
import { toFailure } from '../database/sqlite-failure.ts'
import { Failure } from '../failure.ts'
import { type MigrationText, readMigrationTexts } from '../migrations/files.ts'
import { toKnown } from '../migrations/known.ts'
import { watchOutside } from '../migrations/lint/watch-outside.ts'
import { planSql } from '../migrations/plan-sql.ts'
import { refuseLostDatabase } from '../ready/refuse-lost-database.ts'
import { sizeOf } from '../ready/state.ts'
import { makeTemporaryFolder, moreRoom, refuseLittleRoom } from '../temporary-folder.ts'
import { refuseMissingVolume } from '../volume/check-volume.ts'
import { type Context, patienceOf } from './context.ts'
import { planText } from './plan-text.ts'
import { type Planned, toPlanned } from './planned.ts'
import { pendingOf, type TriedOut, tryOut } from './try-out.ts'

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

/** The copy, and as much again for what migrations make of it. */
const copies = 2

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
  try {
    refuseLostDatabase(config)
    const bytes = sizeOf(database)
    const pending = bytes === 0 ? known : look(database, connection => pendingOf(connection, known, database))
    if (pending.length === 0) {
      const nothing: Plan = { database, pending: [], migrations: [], bytes: null, failure: null }
      print(output.sql ? `-- nothing is pending in ${database}\n` : toOutput(nothing, output.json))
      return
    }
    const { tried, migrations } = await tryOnCopy(context, texts, bytes)
    const failure = tried.error === undefined ? null : toFailure(tried.error, database)
    // it was the copy that had no room, which says nothing of the volume
    if (failure !== null && (!(failure instanceof Failure) || failure.code === 'DISK_FULL')) throw failure
    if (!output.sql) {
      const { growth, journal } = tried
      const backup = config.backup === 'auto' ? bytes : 0
      const shown: Plan = {
        database,
        pending: pending.map(({ name }) => name),
        migrations,
        bytes: failure === null ? { growth, journal, backup } : null,
        failure: failure && { code: failure.code, message: failure.message, hint: failure.hint },
      }
      print(toOutput(shown, output.json))
    } else if (failure === null) print(planSql({ ...tried, database, isNew: bytes === 0, version: context.version }))
    if (failure !== null) throw failure
  } catch (error) {
    throw ofTheCopy(toFailure(error, database))
  }
}

const toOutput = (shown: Plan, json: boolean): string => (json ? `${JSON.stringify(shown)}\n` : planText(shown))

type Tried = Readonly<{ tried: TriedOut; migrations: readonly Planned[] }>

const tryOnCopy = async (context: Context, texts: readonly MigrationText[], bytes: number): Promise<Tried> => {
  const { database } = context.config
  const folder = makeTemporaryFolder()
  try {
    refuseLittleRoom(folder.path, copies * bytes)
    const copy = join(folder.path, basename(database))
    if (bytes > 0) await copyWithoutTrace(database, copy, patienceOf(context))
    return await tryWatched(context, texts, copy)
  } finally {
    folder.remove()
  }
}

const tryWatched = async (context: Context, texts: readonly MigrationText[], copy: string): Promise<Tried> => {
  const known = texts.map(toKnown)
  const outside = watchOutside(known)
  try {
    const tried = await tryOut(context, known, copy, outside.running)
    const migrations = tried.trials.flatMap(trial =>
      texts
        .filter(({ name }) => name === trial.migration.name)
        .map(({ text }) => toPlanned(trial, outside.findings(trial.migration), text)),
    )
    return { tried, migrations }
  } finally {
    outside.stop()
  }
}

/** What was full is the temporary folder. */
const ofTheCopy = (error: unknown): unknown => {
  if (!(error instanceof Failure) || error.code !== 'DISK_FULL' || error.hint === moreRoom) return error
  const message = 'the temporary folder is full: a copy and what migrations make of it have no room there'
  return new Failure('DISK_FULL', message, moreRoom, error)
}
