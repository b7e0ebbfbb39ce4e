import { setTimeout } from 'node:timers/promises'
import type { Context } from '../context.ts'
import type { Session } from '../engine.ts'
import { attemptAsync, Failure } from '../failure.ts'
import { blamingStrays } from '../migrations/blame.ts'
import { type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { headOf, migrationMeant, planWithoutConflicts } from '../migrations/plan.ts'
import type { Applied } from '../migrations/run.ts'
import { logApplied, logDone, refuseBeyond } from '../ready/bring-up.ts'

/** Milliseconds between two runs. */
const pause = 500

/**
 * Brings a server's database to the schema of the known migrations. Backups are its administrator's. The history is the marker:
 * a file would still say "ready" after a fail-over lost a commit.
 *
 * The whole run begins anew while the cause may pass: the server starts, stops or fails over, or another session holds a lock.
 * @param word names the last migration to apply; undefined for all
 * @throws Failure MIGRATION_FAILED, HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER; what `engine` throws
 */
export const upOnServer = async (context: Context, word: string | undefined): Promise<void> => {
  const { config, engine, log, signal } = context
  const files = readMigrationFiles(config.migrations, 'postgres')
  const to = word === undefined ? undefined : migrationMeant(word, files, config.migrations).name
  const deadline = performance.now() + config.lockTimeout * 1000
  for (;;) {
    const outcome = await attemptAsync(() => runOnce(context, files, to))
    if ('value' in outcome) return
    const failure = engine.explain(outcome.error)
    if (signal.reason instanceof Failure) throw signal.reason
    if (!engine.mayPass(outcome.error) || performance.now() + pause > deadline) throw failure
    const reason = failure instanceof Failure ? failure.message : String(failure)
    log.warn('run.again', `starting the run again, nothing was changed: ${reason}`, { reason })
    await setTimeout(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

const runOnce = async (context: Context, files: readonly MigrationFile[], to: string | undefined): Promise<void> => {
  const { config, engine, log } = context
  const start = performance.now()
  const session = await engine.open()
  try {
    const { applied, pending } = await planWithoutConflicts(session, files, config.database)
    const schema = headOf(applied)
    refuseBeyond(to, schema, config.database)
    if (!pending.some(isWanted(to))) {
      log.info('up.nothing', `nothing to do: ${config.database} is at ${schema}`, { schema })
      return
    }
    const done = await applyPending(context, session, files, to)
    logApplied(log, done.applied)
    logDone(context, done.applied.length, start, done.head)
  } finally {
    await attemptAsync(() => session.close())
  }
}

const isWanted =
  (to: string | undefined) =>
  ({ name }: Readonly<{ name: string }>): boolean =>
    to === undefined || name <= to

/** Decides everything again under the lock, and applies and commits what is pending then. */
const applyPending = async (
  { config, log, signal, version }: Context,
  session: Session,
  files: readonly MigrationFile[],
  to: string | undefined,
): Promise<Readonly<{ applied: readonly Applied[]; head: string }>> => {
  const [{ loadMigrations }, { applyMigrations, idleLimit, logStatements }, { createProgress }] = await Promise.all([
    import('../migrations/load.ts'),
    import('../migrations/run.ts'),
    import('../text.ts'),
  ])
  return session.transaction(async transaction => {
    await transaction.probe()
    const before = await planWithoutConflicts(transaction, files, config.database)
    refuseBeyond(to, headOf(before.applied), config.database)
    if (!before.pending.some(isWanted(to))) return { applied: [], head: headOf(before.applied) }
    const migrations = (await loadMigrations(files, signal)).filter(isWanted(to))
    const options = { version, signal, idleLimit, onProgress: createProgress(log, 'rows'), hook: logStatements(log) }
    const applied = await blamingStrays(signal, async () => {
      const { applied, compared } = await applyMigrations(transaction, migrations, {
        ...options,
        backup: undefined,
        history: before.applied,
      })
      await transaction.commit()
      log.debug('rows.compared', `looked for every row from before in ${compared} ms`, { milliseconds: compared })
      return applied
    })
    return { applied, head: headOf(migrations) }
  })
}
