import { now, turn } from '../clock.ts'
import type { Executed, Loss, Migratable, OnProgress, SchemaEditor, StatementHook } from '../engine.ts'
import { attempt, Failure } from '../failure.ts'
import type { AppliedMigration } from '../history.ts'
import type { Log } from '../log.ts'
import { MigrationError, Umzug } from '../umzug.ts'
import { asOrigin, blamingStrays, migrationFailed, type Origin, presentOrigin, watchStrays } from './blame.ts'
import { createGuard } from './guard.ts'
import { watchLeftRunning } from './left-running.ts'
import type { LoadedMigration } from './load.ts'

/**
 * Applies and records the pending ones of the loaded migrations, in order. Call it inside a transaction, which undoes
 * it all when this throws.
 * @returns the applied ones, with how long each took in milliseconds, and how long it took to look for all rows at the end
 * @throws Failure MIGRATION_FAILED naming the migration; HISTORY_CONFLICT; the signal's reason if that is a Failure
 */
export const applyMigrations = async (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  options: RunOptions,
): Promise<Readonly<{ applied: readonly Applied[]; compared: number }>> => {
  const applied: Applied[] = []
  const runner = await createGuardedRunner(database, migrations, options, {
    removesRows: migration => migration.removesRows,
    onLosses: ({ name }, losses) => refuseLosses([name], losses),
    onMissing: losses => {
      const names = applied.map(({ name }) => name)
      refuseLosses(names, losses)
    },
    onApplied: migration => applied.push(migration),
  })
  return { compared: await runner.up(), applied }
}

const refuseLosses = (names: readonly string[], losses: readonly Loss[]): void => {
  const unannounced = losses.filter(({ announced }) => !announced)
  const cure = unannounced.some(({ table }) => table !== null)
    ? 'If the rows are meant to go, say so: `export const removesRows = [...]`, or `-- removes-rows: TABLE` in SQL.'
    : 'Fix the migration; `migrator lint` shows which statement it was.'
  if (unannounced.length > 0) throw lostData(names, unannounced, `Everything was rolled back. ${cure}`)
}

export type RunOptions = Readonly<{
  /** of this program, for the history */
  version: string
  /** stops the running migration; a Failure as its reason (a signal) is rethrown, else the migration is blamed */
  signal: AbortSignal
  /** seconds without a statement after which a migration counts as never settling */
  idleLimit: number
  /** called for each batch of a backfill */
  onProgress: OnProgress
  /** wraps each statement of a migration, even refused ones */
  hook: StatementHook
  /** a copy of the database from before the migrations; undefined if there is none */
  backup: string | undefined
  /** what is applied, if it was read already */
  history?: readonly AppliedMigration[]
}>

type Told = Readonly<{
  /** tables that a migration may delete rows from */
  removesRows: (migration: LoadedMigration) => readonly string[]
  /** called after each migration with its losses; throws unless they are intended */
  onLosses: (migration: LoadedMigration, losses: readonly Loss[]) => unknown
  /** called at the end with further losses; throws unless they are intended */
  onMissing: (losses: readonly Loss[]) => void
  /** called after a migration was applied and recorded */
  onApplied?: ((migration: Applied) => void) | undefined
}>

/**
 * Umzug with all guards: it watches every statement, counts the rows before and after each migration, looks them up at
 * the end, and keeps the history. Use it inside a transaction, which undoes it all when it throws.
 * @returns `up` applies what is pending, `down` reverts the named ones, in that order; both return how many milliseconds it took
 *   to look for all rows at the end, and throw Failure MIGRATION_FAILED naming the migration, HISTORY_CONFLICT if the history
 *   cannot be written, or the signal's reason if it is a Failure
 */
export const createGuardedRunner = async (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  { version, signal, idleLimit, onProgress, hook, backup, history: known }: RunOptions,
  { removesRows, onLosses, onMissing, onApplied }: Told,
) => {
  const ledger = await database.ledger(backup)
  const watch = createWatch(signal, idleLimit, database.refusal)
  const guard = createGuard(ledger)
  const keeper = database.keeper()
  const applied = known ?? (await database.history())
  /** a statement's failure of disk or file: not the migration's fault, whatever it throws because of it */
  let ofEngine: unknown

  const within = async (
    migration: LoadedMigration,
    work: () => Promise<unknown>,
    record: () => Promise<void>,
  ): Promise<void> => {
    const { name } = migration
    const losses = await guard.run(name, removesRows(migration), async () => {
      const kept = await keeper.read()
      try {
        await blamingStrays(signal, () => watch.run(migration, work))
        await database.refuseUnfinished()
        if (!ledger.isOpen()) throw new Error('SQLite rolled the transaction back, and nothing of it is left')
        await keeper.refuseChange(kept)
      } catch (error) {
        throw error instanceof Failure ? error : (ofEngine ?? migrationFailed(watch.culprit(error) ?? migration, error))
      }
      await keeper.keep(name, kept, record)
    })
    await onLosses(migration, losses)
  }
  const runner = createRunner(database, migrations, {
    version,
    executed: async () => applied.map(({ name }) => name),
    hook: (asked, execute) =>
      hook(asked, () => {
        watch.before(asked.sql)
        const ran = noting(
          () => ledger.around(asked, execute),
          error => {
            const failure = database.explain(error)
            if (failure instanceof Failure) ofEngine ??= failure
          },
        )
        return watch.untilAnswered(ran)
      }),
    within,
    onApplied,
    onProgress,
  })
  const run = async (work: () => Promise<unknown>): Promise<number> => {
    try {
      return await blamingStrays(signal, async () => {
        await database.prepareHistory(migrations, applied)
        await work()
        const start = now()
        onMissing(await guard.finish())
        signal.throwIfAborted()
        return Math.round(now() - start)
      })
    } catch (error) {
      if (signal.reason instanceof Failure) throw signal.reason
      throw error instanceof MigrationError ? error.cause : error
    }
  }
  return {
    up: () => run(() => runner.up()),
    down: (names: readonly string[]) => run(() => runner.down({ migrations: [...names] })),
  }
}

/** Runs a statement, and passes its error to `note`, whether it is thrown at once or its promise is rejected. */
const noting = <Result extends Executed>(run: () => Result, note: (error: unknown) => void): Result => {
  const outcome = attempt(run)
  if ('error' in outcome) {
    note(outcome.error)
    throw outcome.error
  }
  // registered first, so it is noted before the migration learns of it
  if (outcome.value instanceof Promise) outcome.value.catch(note)
  return outcome.value
}

/** The Failure MIGRATION_FAILED for migrations that lost data. */
export const lostData = (names: readonly string[], losses: readonly Loss[], hint: string): Failure => {
  const who = names.length === 1 ? `migration ${names.join()}` : `one of the migrations ${names.join(', ')}`
  return new Failure('MIGRATION_FAILED', `${who} lost data: ${losses.map(({ text }) => text).join('; ')}`, hint)
}

export type Applied = Readonly<{ name: string; milliseconds: number }>

type RunnerOptions = Readonly<{
  /** of this program, for the history */
  version: string
  /** names of the applied migrations */
  executed: () => Promise<string[]>
  /** wraps each statement of a migration */
  hook: StatementHook
  /** wraps each migration: runs it by `work`, and updates the history by `record` */
  within: (migration: LoadedMigration, work: () => Promise<unknown>, record: () => Promise<void>) => Promise<void>
  /** called after a migration was applied and recorded */
  onApplied?: ((migration: Applied) => void) | undefined
  /** called for each batch of a backfill */
  onProgress: OnProgress
}>

/**
 * Umzug inside the caller's transaction: `up` and `down` run migrations on a QueryInterface through the bridge and
 * update the history with them.
 */
export const createRunner = (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  { version, executed, hook, within, onApplied, onProgress }: RunnerOptions,
) => {
  return new Umzug<SchemaEditor>({
    migrations: migrations.map(migration => ({
      name: migration.name,
      path: migration.file,
      up: async params => {
        const { name, checksum, up } = migration
        const started = now()
        await within(
          migration,
          () => up(params),
          async () => {
            const milliseconds = Math.round(now() - started)
            const applied_at = new Date().toISOString()
            await database.record({ name, checksum, applied_at, duration_ms: milliseconds, migrator: version })
            onApplied?.({ name, milliseconds })
          },
        )
      },
      down: async params => {
        const { name, down } = migration
        // without a down, Umzug would delete the record and call the migration reverted
        const work = down ?? (async () => Promise.reject(new Error('it has no down')))
        await within(
          migration,
          () => work(params),
          () => database.unrecord(name),
        )
      },
    })),
    context: () =>
      database.editor(
        hook,
        onProgress,
        migrations.every(({ isSql }) => isSql),
      ),
    logger: undefined,
    storage: {
      executed,
      // `within` writes the record, while the rows are still watched
      logMigration: async () => undefined,
      unlogMigration: async () => undefined,
    },
  })
}

/** Logs each statement at level debug, without the values that are bound to it. */
export const logStatements =
  (log: Log): StatementHook =>
  (asked, execute) => {
    log.debug('migration.statement', asked.sql, { sql: asked.sql })
    return execute()
  }

/** Seconds that a migration may run without a statement. */
export const idleLimit = 60

/** Turns of the event loop between a call of Sequelize and its statement, and one to spare. */
const turnsToDatabase = 4

/**
 * Watches what migrations do with the connection: it refuses statements that would undo the protection around them, and
 * detects a promise that never settles and a statement that a migration did not await.
 * @param signal once aborted, the migration is stopped with its reason
 * @param idleLimit seconds that a migration may run without a statement
 * @param refusal why a statement may not run; undefined if it may
 */
export const createWatch = (signal: AbortSignal, idleLimit: number, refusal: (sql: string) => string | undefined) => {
  let running: string | undefined
  let late: { readonly origin: Origin | undefined; readonly error: Error } | undefined
  let timer: NodeJS.Timeout | undefined

  watchStrays(signal)

  /** The migration whose late statement caused this error; undefined for any other error. */
  const culprit = (error: unknown): Origin | undefined => (error === late?.error ? late?.origin : undefined)

  /** Called before each statement runs. @throws Error for a late or refused one */
  const before = (sql: string): void => {
    signal.throwIfAborted()
    const origin = presentOrigin()
    if (running === undefined || origin?.name !== running) {
      late ??= { origin, error: new Error(`it runs a statement after it returned (await every call): ${sql}`) }
      throw late.error
    }
    const refused = refusal(sql)
    if (refused !== undefined) throw new Error(refused)
    timer?.refresh()
  }

  /** A statement that a server works on may take longer than the limit. @returns its result, which it waits for */
  const untilAnswered = <Result extends Executed>(result: Result): Result => {
    if (!(result instanceof Promise)) return result
    const keepAwake = setInterval(() => timer?.refresh(), idleLimit * 250).unref()
    result.catch(() => undefined).finally(() => clearInterval(keepAwake))
    return result
  }

  /** Runs one migration until it has settled and all its statements are done. */
  const run = async (
    { name, file }: Pick<LoadedMigration, 'name' | 'file'>,
    work: () => Promise<unknown>,
  ): Promise<void> => {
    signal.throwIfAborted()
    const stopped = Promise.withResolvers<never>()
    const stop = () => stopped.reject(signal.reason)
    const stall = () => stopped.reject(new Error(`it has not settled after ${idleLimit} s without a statement`))
    signal.addEventListener('abort', stop)
    // unref: if nothing else keeps the process alive, the end of the event loop is reported at once
    timer = setTimeout(stall, idleLimit * 1000).unref()
    running = name
    const origin = { name, file, does: 'run' } as const
    const leftRunning = watchLeftRunning(origin)
    try {
      await Promise.race([asOrigin(origin, work), stopped.promise])
      running = undefined
      for (let turns = 0; turns < turnsToDatabase; turns += 1) await turn()
      await leftRunning.refuse()
      if (late !== undefined) throw late.error
      signal.throwIfAborted()
    } finally {
      running = undefined
      leftRunning.end()
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  return { before, untilAnswered, run, culprit }
}
