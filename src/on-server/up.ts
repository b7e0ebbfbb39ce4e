import { now } from '../clock.ts'
import type { Context } from '../context.ts'
import type { Session } from '../engine.ts'
import { attemptAsync, Failure, must, reasonOf } from '../failure.ts'
import { hashing, type MigrationFile, readMigrationFiles } from '../migrations/files.ts'
import { headOf, makePlan, planWithoutConflicts, refuseBeyond } from '../migrations/plan.ts'
import type { Applied } from '../migrations/run.ts'
import { glanceAtHistory } from '../postgres/glance.ts'
import { sha256 } from '../sha256.ts'

/** Milliseconds between two runs. */
const pause = 500

/**
 * Brings a server's database to the schema of the known migrations. Backups are its administrator's. The history is the marker:
 * a file would still say "ready" after a fail-over lost a commit.
 *
 * All is one transaction, unless a pending migration is online: that one ends the transaction before it, runs alone, and the rest
 * follows in the next. The whole run begins anew while the cause may pass: the server starts, stops or fails over, or another
 * session holds a lock.
 * @param word names the last migration to apply; undefined for all
 * @throws Failure MIGRATION_FAILED, HISTORY_CONFLICT, DATABASE_AHEAD, OUT_OF_ORDER; what `engine` throws
 */
export const upOnServer = async (context: Context, word: string | undefined): Promise<void> => {
  const { config, engine, log } = context
  const files = readMigrationFiles(config.migrations, 'postgres')
  if (word === undefined && (await isUnchanged(context, files))) return
  const to =
    word === undefined ? undefined : (await import('../named.ts')).migrationMeant(word, files, config.migrations).name
  const { signal } = context
  const progress: Progress = { start: now(), since: now(), applied: 0, kept: undefined }
  for (;;) {
    const outcome = await attemptAsync(() => runOnce(context, files, to, progress))
    if ('value' in outcome) return
    const { kept } = progress
    const failure = sayingWhatIsKept(engine.explain(outcome.error), kept)
    if (signal.reason instanceof Failure) throw sayingWhatIsKept(signal.reason, kept)
    const isLate = now() + pause > progress.since + config.lockTimeout * 1000
    if (!must(engine.server).mayPass(outcome.error) || isLate) throw failure
    const reason = reasonOf(failure)
    const changed = kept === undefined ? 'nothing was changed' : `from ${kept || 'the first migration'} on`
    log.warn('run.again', `starting the run again, ${changed}: ${reason}`, { reason })
    const { setTimeout } = process.getBuiltinModule('node:timers/promises')
    await setTimeout(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

/** Whether a glance tells that nothing is pending or wrong, which is all that a run with nothing to do finds out. */
const isUnchanged = async (context: Context, files: readonly MigrationFile[]): Promise<boolean> => {
  const { config, engine } = context
  const server = must(config.server)
  const outcome = await attemptAsync(() => glanceAtHistory(server))
  if ('error' in outcome) throw engine.explain(outcome.error)
  if (outcome.value === undefined) return false
  // with a password, node:crypto is loaded anyway
  if (server.password === undefined) hashing.by = sha256
  const { pending, conflicts } = makePlan(files, outcome.value)
  if (pending.length > 0 || conflicts.length > 0) return false
  logNothing(context, headOf(outcome.value))
  return true
}

const logNothing = ({ config, log }: Context, schema: string): void =>
  log.info('up.nothing', `nothing to do: ${config.database} is at ${schema}`, { schema })

/** How far a run came. */
type Progress = {
  /** by now() */
  readonly start: number
  /** of the last commit, or the start */
  since: number
  /** migrations that this run has applied */
  applied: number
  /** the last migration that stays applied whatever happens; undefined where all is one transaction */
  kept: string | undefined
}

/** What is said of a rollback is not so where earlier migrations were committed. */
const sayingWhatIsKept = (error: unknown, kept: string | undefined): unknown => {
  if (!(error instanceof Failure) || kept === undefined) return error
  const state = kept === '' ? 'No migration is applied.' : `${kept} and what came before it are kept.`
  const said = /(?:Everything was rolled back(?:; the database is as it was)?|Nothing was changed)\./
  const hint = said.test(error.hint) ? error.hint.replace(said, state) : `${state} ${error.hint}`
  return new Failure(error.code, error.message, hint, error.cause)
}

const runOnce = async (
  context: Context,
  files: readonly MigrationFile[],
  to: string | undefined,
  progress: Progress,
): Promise<void> => {
  const { config, engine, log } = context
  const session = await engine.open()
  try {
    const { applied, pending } = await planWithoutConflicts(session, files, config.database)
    const schema = headOf(applied)
    refuseBeyond(to, schema, config.database)
    if (!pending.some(isWanted(to)) && progress.applied === 0) {
      logNothing(context, schema)
      return
    }
    const { logApplied, logDone } = await import('../ready/bring-up.ts')
    for (let isMore = true; isMore; ) {
      const done = await applyNext(context, session, files, to, progress)
      logApplied(log, done.applied)
      progress.applied += done.applied.length
      progress.since = now()
      const { head, next } = done
      isMore = next !== undefined
      if (isMore) {
        progress.kept = head
        log.info('online.kept', `${head} and what came before it are kept; the next transaction begins with ${next}`, {
          schema: head,
          next,
        })
      } else logDone(context, progress.applied, progress.start, head)
    }
  } finally {
    await attemptAsync(() => session.close())
  }
}

const isWanted =
  (to: string | undefined) =>
  ({ name }: Readonly<{ name: string }>): boolean =>
    to === undefined || name <= to

type Done = Readonly<{
  applied: readonly Applied[]
  head: string
  /** the first migration that is still to be applied */
  next: string | undefined
}>

/** Decides everything again under the lock, and applies and commits what one transaction may. */
const applyNext = async (
  context: Context,
  session: Session,
  files: readonly MigrationFile[],
  to: string | undefined,
  progress: Progress,
): Promise<Done> => {
  const { config, log, signal, version } = context
  const [{ blamingStrays }, { loadMigrations }, { applyMigrations, idleLimit, logStatements }, { createProgress }] =
    await Promise.all([
      import('../migrations/blame.ts'),
      import('../migrations/load.ts'),
      import('../migrations/run.ts'),
      import('../text.ts'),
    ])
  return session.transaction(async transaction => {
    await transaction.probe()
    const before = await planWithoutConflicts(transaction, files, config.database)
    refuseBeyond(to, headOf(before.applied), config.database)
    if (!before.pending.some(isWanted(to))) return { applied: [], head: headOf(before.applied), next: undefined }
    const migrations = await loadMigrations(files, signal)
    const isPending = ({ name }: Readonly<{ name: string }>) => before.pending.some(pending => pending.name === name)
    const pending = migrations.filter(migration => isPending(migration) && isWanted(to)(migration))
    const first = pending.findIndex(({ online }) => online === true)
    if (first !== -1) progress.kept = headOf(before.applied)
    const group = first === -1 ? pending : pending.slice(0, Math.max(1, first))
    const head = headOf(group)
    const known = migrations.filter(({ name }) => name <= head)
    const options = { version, signal, idleLimit, onProgress: createProgress(log, 'rows'), hook: logStatements(log) }
    const applied = await blamingStrays(signal, async () => {
      const given = { ...options, backup: undefined, history: before.applied }
      const { applied, compared } =
        first === 0
          ? await (await import('./apply-online.ts')).applyOnline(context, transaction, known, given)
          : await applyMigrations(transaction, known, given)
      await transaction.commit()
      log.debug('rows.compared', `checked in ${compared} ms that every earlier row is still there`, {
        milliseconds: compared,
      })
      return applied
    })
    return { applied, head, next: pending[group.length]?.name }
  })
}
