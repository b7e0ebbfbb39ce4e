import { checkDamage, keepBackup, withSafetyBackup } from '../backup/protect.ts'
import { type Context, patienceOf } from '../context.ts'
import { runPlain } from '../engine.ts'
import { Failure } from '../failure.ts'
import type { MigrationFile } from '../migrations/files.ts'
import { readHistory } from '../migrations/history.ts'
import { findOtherProgramsTable, makePlan, refuseConflicts } from '../migrations/plan.ts'
import { type Applied, idleLimit } from '../migrations/run.ts'
import { type Connection, whenFree, withTransaction } from '../sqlite/connect.ts'
import { requireSpaceToCommit } from '../sqlite/space.ts'
import { tryVolume } from '../sqlite/sqlite.ts'
import { createProgress } from '../text.ts'
import { shareWithGroup } from '../volume/files.ts'
import { filesystemOf } from '../volume/mounts.ts'
import { refuseLoss } from './lost.ts'
import { commitWithoutMarker, expectedMarker, type Marker, matches, readMarker, withdrawMarker } from './marker.ts'
import { markReady, notMarked } from './readiness.ts'

/**
 * The long way of `up`: everything is decided again under the write lock, then check, backup, apply, commit, marker.
 * @param to the last migration that is to be applied; undefined for all
 * @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, MIGRATION_FAILED, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const bringUp = async (
  context: Context,
  connection: Connection,
  texts: readonly MigrationFile[],
  to: string | undefined,
): Promise<void> => {
  const { config, log } = context
  const patience = patienceOf(context)
  const start = performance.now()
  const { applied, checkedAt, isNew, marker } = await withTransaction(connection, patience, commit =>
    applyPending(context, connection, texts, to, commit),
  )
  for (const { name, milliseconds } of applied) {
    log.info('migration.applied', `applied ${name} in ${milliseconds} ms`, { name, milliseconds })
  }
  if (isNew) shareWithGroup(config.database)
  if (isNew && filesystemOf(context.host.mounts, config.volume).kind !== 'shared')
    await whenFree(() => connection.pragma('journal_mode = WAL'), patience)
  // with nothing to apply the database is read for damage without the lock, so that a hub may write meanwhile
  const checked = { version: context.version, checkedAt: checkedAt ?? (await checkDamage(context, marker)) }
  // under the lock again: another version may commit meanwhile, and its marker must not be replaced by ours
  const { schema } = await withTransaction(connection, patience, async () =>
    markReady(connection, config.readyFile, texts, checked),
  ).catch(error => {
    throw applied.length === 0 ? error : notMarked(error, config.database)
  })
  keepBackup(context)
  const milliseconds = Math.round(performance.now() - start)
  const done = applied.length === 0 ? 'nothing to apply' : `${applied.length} applied in ${milliseconds} ms`
  log.info('up.done', `${done}: ${config.database} is at ${schema}`, { applied: applied.length, milliseconds, schema })
}

type RunResult = Readonly<{
  applied: readonly Applied[]
  /** null when it was not checked */
  checkedAt: string | null
  isNew: boolean
  /** as it was before */
  marker: Marker | undefined
}>

const applyPending = async (
  context: Context,
  connection: Connection,
  texts: readonly MigrationFile[],
  to: string | undefined,
  commit: () => Promise<void>,
): Promise<RunResult> => {
  const { config, log, signal, version } = context
  const isNew = isEmpty(connection)
  if (isNew) refuseLoss(config)
  await tryVolume(context, connection)
  const known = texts
  const history = readHistory(connection)
  const { pending: allPending, conflicts } = makePlan(known, history)
  const isWanted = ({ name }: MigrationFile) => to === undefined || name <= to
  const pending = allPending.filter(isWanted)
  const marker = readMarker(config.readyFile)
  const truth = expectedMarker(connection, history)
  if (marker !== undefined && !matches(marker, truth)) withdrawMarker(config.readyFile)
  refuseConflicts([...findOtherProgramsTable(connection), ...conflicts], config.database)
  refuseBeyond(to, truth.schema, config.database)
  if (pending.length === 0) return { applied: [], checkedAt: null, isNew, marker }

  const [{ loadMigrations }, { applyMigrations }] = await Promise.all([
    import('../migrations/load.ts'),
    import('../migrations/run.ts'),
  ])
  const migrations = await loadMigrations(known)
  const pendingTexts = pending.map(({ text }) => text)
  const found = { isNew, schema: truth.schema, marker, texts: pendingTexts }
  const { value: applied, checkedAt } = await withSafetyBackup(context, connection, found, async () => {
    const onProgress = createProgress(log, 'rows')
    const options = { version, signal, settleLimit: idleLimit, onProgress, around: runPlain }
    const done = await applyMigrations(connection, migrations.filter(isWanted), options)
    requireSpaceToCommit(connection, filesystemOf(context.host.mounts, config.volume).clones)
    await commitWithoutMarker(config.readyFile, commit)
    return done
  })
  return { applied, checkedAt, isNew, marker }
}

/** @throws Failure CONFIG_INVALID when later migrations than the wanted one are applied: `up` takes none back */
const refuseBeyond = (to: string | undefined, schema: string, database: string): void => {
  if (to === undefined || schema <= to) return
  const hint = `"migrator down --to ${to}" takes later ones back. Nothing was changed.`
  throw new Failure('CONFIG_INVALID', `${database} is beyond ${to}: it is at ${schema}`, hint)
}

/** No table, no view, nothing. Inside a transaction page_count would not tell: BEGIN IMMEDIATE makes a first page. */
const isEmpty = (connection: Connection): boolean =>
  connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0
