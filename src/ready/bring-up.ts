import { dirname } from 'node:path'
import { checkDamage, keepBackup, withSafetyBackup } from '../backup/protect.ts'
import { now } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Session, Transaction } from '../engine.ts'
import type { Log } from '../log.ts'
import { blamingStrays, stopsAlone } from '../migrations/blame.ts'
import { hashing, type MigrationFile } from '../migrations/files.ts'
import { headOf, planFor, refuseBeyond, refuseConflicts } from '../migrations/plan.ts'
import { type Applied, idleLimit, logStatements } from '../migrations/run.ts'
import { sha256 } from '../sha256.ts'
import { createProgress } from '../text.ts'
import { probeFolderOf } from '../volume/volume.ts'
import { refuseLoss } from './lost.ts'
import { commitWithoutMarker, expectedMarker, matches, readContents, readMarker, withdrawMarker } from './marker.ts'
import { markReady, notMarked } from './readiness.ts'

/**
 * The long way of `up`: decides everything again under the write lock, then check, backup, apply, commit, marker.
 * @param to the last migration to apply; undefined for all
 * @throws Failure HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER, MIGRATION_FAILED, DATABASE_DAMAGED, DATABASE_BUSY
 */
export const bringUp = async (
  context: Context,
  session: Session,
  files: readonly MigrationFile[],
  to: string | undefined,
): Promise<void> => {
  hashing.by = sha256
  const { config, engine, log, signal, version } = context
  const start = now()
  const { applied, checkedAt, isNew, lastChecked } = await session.transaction(transaction =>
    applyPending(context, transaction, files, to),
  )
  logApplied(log, applied)
  const mark = async () => {
    if (isNew) await session.handOver()
    // if nothing was applied, check for damage without the lock, so that a hub may write meanwhile
    const checked = { version, checkedAt: checkedAt ?? (await checkDamage(context, lastChecked)) }
    // under the lock again: another version may have committed meanwhile, and ours must not replace its marker
    return session.transaction(transaction => markReady(transaction, config, files, checked), stopsAlone(signal))
  }
  const { schema } = await mark().catch(error => {
    throw applied.length === 0 ? error : notMarked(error, engine)
  })
  keepBackup(context)
  logDone(context, applied.length, start, schema)
}

export const logApplied = (log: Log, applied: readonly Applied[]): void => {
  for (const { name, milliseconds } of applied)
    log.info('migration.applied', `applied ${name} in ${milliseconds} ms`, { name, milliseconds })
}

/** @param start of the run, by now() */
export const logDone = ({ config, log }: Context, applied: number, start: number, schema: string): void => {
  const milliseconds = Math.round(now() - start)
  const done = applied === 0 ? 'nothing to apply' : `${applied} applied in ${milliseconds} ms`
  log.info('up.done', `${done}: ${config.database} is at ${schema}`, { applied, milliseconds, schema })
}

type RunResult = Readonly<{
  applied: readonly Applied[]
  /** null if it was not checked */
  checkedAt: string | null
  isNew: boolean
  /** the check before that, from the marker; null if never */
  lastChecked: string | null
}>

const applyPending = async (
  context: Context,
  transaction: Transaction,
  files: readonly MigrationFile[],
  to: string | undefined,
): Promise<RunResult> => {
  const { config, engine, log, signal, version } = context
  const contents = await readContents(transaction, config.database)
  const isNew = contents.applied.length === 0 && (await transaction.isEmpty())
  if (isNew) await refuseLoss(config)
  await transaction.probe()
  if (dirname(config.readyFile) !== config.volume) probeFolderOf(config.readyFile)
  const { pending: allPending, conflicts } = await planFor(transaction, files, contents.applied)
  const isWanted = ({ name }: Readonly<{ name: string }>) => to === undefined || name <= to
  const pending = allPending.filter(isWanted)
  const marker = readMarker(config.readyFile)
  if (marker !== undefined && !matches(marker, expectedMarker(contents, marker.tables)))
    withdrawMarker(config.readyFile)
  const lastChecked = marker?.checkedAt ?? null
  refuseConflicts(conflicts, config.database)
  const head = headOf(contents.applied)
  refuseBeyond(to, head, config.database)
  if (pending.length === 0) return { applied: [], checkedAt: null, isNew, lastChecked }

  const [{ loadMigrations }, { applyMigrations }] = await Promise.all([
    import('../migrations/load.ts'),
    import('../migrations/run.ts'),
  ])
  const migrations = await loadMigrations(files, signal, transaction.compiled(files, contents))
  const facts = { isNew, head, lastChecked, texts: pending.map(({ text }) => text) }
  const onProgress = createProgress(log, 'rows')
  const options = { version, signal, idleLimit, onProgress, hook: logStatements(log), history: contents.applied }
  const { value: applied, checkedAt } = await blamingStrays(signal, () =>
    withSafetyBackup(context, transaction, facts, async backup => {
      const { applied, compared } = await applyMigrations(transaction, migrations.filter(isWanted), {
        ...options,
        backup,
      })
      await commitWithoutMarker(engine, config.readyFile, transaction.commit)
      log.debug('rows.compared', `checked in ${compared} ms that every earlier row is still there`, {
        milliseconds: compared,
      })
      return applied
    }),
  )
  return { applied, checkedAt, isNew, lastChecked }
}
