import { statSync } from 'node:fs'
import { plainly } from '../database/around.ts'
import { backUp } from '../database/backup.ts'
import { refuseDamage } from '../database/damage.ts'
import type { Connection } from '../database/open.ts'
import { withTransaction } from '../database/transaction.ts'
import { whenFree } from '../database/wait.ts'
import { Failure } from '../failure.ts'
import type { MigrationText } from '../migrations/files.ts'
import { readHistory } from '../migrations/history.ts'
import { type KnownMigration, toKnown } from '../migrations/known.ts'
import { makePlan } from '../migrations/plan.ts'
import { refuseConflicts, refuseForeign } from '../migrations/refuse.ts'
import type { Applied } from '../migrations/runner.ts'
import { createProgress } from '../progress.ts'
import { type Marker, readMarker, withdrawMarker, writeMarker } from '../ready/marker.ts'
import { seenOf } from '../ready/seen.ts'
import { isTrue, truthOf } from '../ready/truth.ts'
import { type Context, patienceOf } from './context.ts'

/**
 * The long way of `up`: everything is decided again under the write lock, then check, backup, apply, commit, marker.
 * @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, MIGRATION_FAILED, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const makeReady = async (
  context: Context,
  connection: Connection,
  texts: readonly MigrationText[],
): Promise<void> => {
  const { config, log } = context
  const patience = patienceOf(context)
  const { ino } = statSync(config.database)
  const start = performance.now()
  const { applied, checkedAt, isNew } = await withTransaction(connection, patience, async () => {
    refuseReplaced(config.database, ino)
    return bringUp(context, connection, texts.map(toKnown))
  })
  for (const { name, milliseconds } of applied) {
    log.info('migration.applied', `applied ${name} in ${milliseconds} ms`, { name, milliseconds })
  }
  if (isNew) await whenFree(() => connection.pragma('journal_mode = WAL'), patience)
  // under the lock again: another version may commit meanwhile, and its marker must not be replaced by ours
  const { schema } = await withTransaction(connection, patience, async () => {
    const truth = { ...truthOf(connection, readHistory(connection)), version: context.version }
    const seen = seenOf(connection, texts, truth)
    writeMarker(config.readyFile, { ...truth, checkedAt, readyAt: new Date().toISOString(), seen })
    return truth
  })
  const milliseconds = Math.round(performance.now() - start)
  const done = applied.length === 0 ? 'nothing to apply' : `${applied.length} applied in ${milliseconds} ms`
  log.info('up.done', `${done}: ${config.database} is at ${schema}`, { applied: applied.length, milliseconds, schema })
}

const bringUp = async (
  context: Context,
  connection: Connection,
  known: readonly KnownMigration[],
): Promise<{ applied: readonly Applied[]; checkedAt: string | null; isNew: boolean }> => {
  const { config, log, signal, version } = context
  const isNew = isEmpty(connection)
  const history = readHistory(connection)
  const { pending, conflicts } = makePlan(known, history)
  const marker = readMarker(config.readyFile)
  const truth = truthOf(connection, history)
  if (marker !== undefined && !isTrue(marker, truth)) withdrawMarker(config.readyFile)
  refuseForeign(connection, config.database)
  refuseConflicts(conflicts, config.database)

  const checkedAt = checkDamage(context, connection, marker)
  if (pending.length === 0) return { applied: [], checkedAt, isNew }
  const [{ loadMigrations }, { applyMigrations, settleLimit }] = await Promise.all([
    import('../migrations/load.ts'),
    import('../migrations/apply.ts'),
  ])
  const migrations = await loadMigrations(known)
  if (config.backup === 'auto' && !isNew) {
    const file = backUp(config.database, truth.schema, config.backupKeep)
    log.info('backup.made', `backed up to ${file}`, { file })
  }
  const onProgress = createProgress(log)
  const applied = await applyMigrations(connection, migrations, {
    version,
    signal,
    settleLimit,
    onProgress,
    around: plainly,
  })
  withdrawMarker(config.readyFile)
  return { applied, checkedAt, isNew }
}

/** No table, no view, nothing. Inside a transaction page_count would not tell: BEGIN IMMEDIATE makes a first page. */
const isEmpty = (connection: Connection): boolean =>
  connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0

/** Whoever waited for the lock may hold a file that was removed or replaced under its name meanwhile. */
const refuseReplaced = (path: string, ino: number): void => {
  if (statSync(path, { throwIfNoEntry: false })?.ino === ino) return
  throw new Failure('DATABASE_BUSY', `${path} was replaced by another program just now`, 'Start again.')
}

/**
 * Whoever comes this way found something to do, so a look at the whole file is due unless it is switched off.
 * @returns when the database was last checked
 */
const checkDamage = ({ config }: Context, connection: Connection, marker: Marker | undefined): string | null => {
  if (config.check === 'never') return marker?.checkedAt ?? null
  refuseDamage(connection, config.check === 'always' ? 'integrity_check' : 'quick_check', config.database)
  return new Date().toISOString()
}
