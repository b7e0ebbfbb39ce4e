import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { MigrationError, Umzug } from 'umzug'
import type { Loss, Migratable, OnProgress, SchemaEditor, StatementHook } from '../engine.ts'
import { Failure } from '../failure.ts'
import type { LoadedMigration } from './load.ts'

/**
 * Applies the pending ones of the loaded migrations, in order, and records each. Must be called inside the transaction that
 * undoes it all when this throws.
 * @returns the applied ones, with how long each took
 * @throws Failure MIGRATION_FAILED naming the migration; the signal's reason when that is a Failure
 */
export const applyMigrations = async (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  options: RunOptions,
): Promise<readonly Applied[]> => {
  const applied: Applied[] = []
  const runner = await createGuardedRunner(
    database,
    migrations,
    options,
    ({ name, removesRows }, losses) => {
      const unannounced = losses.filter(({ table }) => table === null || !removesRows.includes(table))
      const cure = unannounced.some(({ table }) => table !== null)
        ? 'Rows that are meant to go are announced: export const removesRows = [...].'
        : 'Mend the migration; "migrator lint" says which statement it was.'
      if (unannounced.length > 0) throw lostData(name, unannounced, `Everything was rolled back. ${cure}`)
    },
    migration => applied.push(migration),
  )
  await runner.up()
  return applied
}

export type RunOptions = Readonly<{
  /** of this program, for the history */
  version: string
  /** stops the migration that runs; a Failure as its reason (a signal) is thrown on, anything else blamed on the migration */
  signal: AbortSignal
  /** seconds that a migration may take without a statement before it counts as never settling */
  idleLimit: number
  /** told of each batch of a backfill */
  onProgress: OnProgress
  /** stands around each statement of a migration, refused ones too */
  hook: StatementHook
}>

/**
 * Umzug over a transaction, with all that protects the data: every statement is watched, the rows are counted before and after
 * each migration, and the history is kept with them. Must be used inside the transaction that undoes it all when it throws.
 * @param onLosses told after each migration what it lost, and throws unless that is meant
 * @param onApplied told after a migration was applied and recorded
 * @returns `up` applies what is pending, `down` takes back the named ones, in that order; both throw Failure MIGRATION_FAILED
 *   naming the migration, or the signal's reason when that is a Failure
 */
export const createGuardedRunner = async (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  { version, signal, idleLimit, onProgress, hook }: RunOptions,
  onLosses: (migration: LoadedMigration, losses: readonly Loss[]) => void,
  onApplied: (migration: Applied) => void,
) => {
  const watch = createWatch(signal, idleLimit, database.refusal)
  await database.prepareHistory(migrations)
  const guard = await database.guard()
  const guarded = (migration: LoadedMigration): LoadedMigration => {
    const { name, up, down } = migration
    const run = async (work: () => Promise<unknown>): Promise<void> =>
      onLosses(migration, await guard(() => watch.run(name, work)))
    return { ...migration, up: params => run(() => up(params)), down: down && (params => run(() => down(params))) }
  }
  const runner = createRunner(database, migrations.map(guarded), {
    version,
    hook: (asked, execute) =>
      hook(asked, () => {
        watch.before(asked.sql)
        return execute()
      }),
    onApplied,
    onProgress,
  })
  const named = async (work: () => Promise<unknown>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      throw signal.reason instanceof Failure ? signal.reason : failureOf(error, database)
    }
  }
  return {
    up: () => named(() => runner.up()),
    down: (names: readonly string[]) => named(() => runner.down({ migrations: [...names] })),
  }
}

/** Umzug wraps what a migration threw and names it; a full disk and a damaged file are no fault of the migration. */
export const failureOf = (error: unknown, database: Migratable): unknown => {
  if (!(error instanceof MigrationError)) return error
  const failure = database.explain(error.cause)
  if (failure instanceof Failure) return failure
  const reason = reasonOf(error.cause)
  const cure = /\balready exists\b/.test(reason)
    ? 'Where the hub made it, "migrator adopt" records the migration; otherwise mend the migration, then start again.'
    : 'Mend the migration, then start again.'
  return new Failure(
    'MIGRATION_FAILED',
    `migration ${error.migration.name} failed: ${reason}`,
    `Everything was rolled back; the database is as it was. ${cure}`,
    error.cause,
  )
}

/** A migration that lost what it was not to lose. */
export const lostData = (name: string, losses: readonly Loss[], hint: string): Failure =>
  new Failure('MIGRATION_FAILED', `migration ${name} lost data: ${losses.map(({ text }) => text).join('; ')}`, hint)

export type Applied = Readonly<{ name: string; milliseconds: number }>

export type RunnerOptions = Readonly<{
  /** of this program, for the history */
  version: string
  /** stands around each statement of a migration */
  hook: StatementHook
  /** called after a migration was applied and recorded */
  onApplied: (migration: Applied) => void
  /** told of each batch of a backfill */
  onProgress: OnProgress
}>

/**
 * Umzug over a transaction: `up` and `down` run migrations on a QueryInterface through the bridge and keep the
 * history with them. The caller holds the transaction around it.
 */
export const createRunner = (
  database: Migratable,
  migrations: readonly LoadedMigration[],
  { version, hook, onApplied, onProgress }: RunnerOptions,
) => {
  let started = 0
  return new Umzug<SchemaEditor>({
    migrations: migrations.map(({ name, file, up, down }) => ({
      name,
      path: file,
      up: params => {
        started = performance.now()
        return up(params)
      },
      // without one Umzug would take the record away and call it reverted
      down: down ?? (async () => Promise.reject(new Error('it has no down'))),
    })),
    context: database.editor(hook, onProgress),
    logger: undefined,
    storage: {
      executed: async () => (await database.history()).map(({ name }) => name),
      logMigration: async params => {
        const milliseconds = Math.round(performance.now() - started)
        for (const { name, checksum } of migrations.filter(({ name }) => name === params.name)) {
          const applied_at = new Date().toISOString()
          await database.record({ name, checksum, applied_at, duration_ms: milliseconds, migrator: version })
          onApplied({ name, milliseconds })
        }
      },
      unlogMigration: async ({ name }) => database.unrecord(name),
    },
  })
}

/** Seconds that a migration may go without a statement. */
export const idleLimit = 60

/** Turns of the event loop that a statement needs from Sequelize's call to the database, and one to spare. */
const turnsToDatabase = 4

/**
 * Watches over what migrations do with the connection: it refuses statements that would undo the protection around them,
 * notices a promise that never settles, and a statement that a migration did not wait for.
 * @param signal once aborted, the migration is stopped with its reason
 * @param idleLimit seconds that a migration may take without a statement
 * @param refusal why a statement may not be run; undefined for one that may
 */
export const createWatch = (signal: AbortSignal, idleLimit: number, refusal: (sql: string) => string | undefined) => {
  const origin = new AsyncLocalStorage<string>()
  let running: string | undefined
  let late: string | undefined
  let timer: NodeJS.Timeout | undefined

  /** For the bridge: sees each statement before it runs. */
  const before = (sql: string): void => {
    signal.throwIfAborted()
    const name = origin.getStore()
    if (running === undefined || name !== running) {
      late = `${name} runs a statement after it returned (await every call): ${sql}`
      throw new Error(late)
    }
    const refused = refusal(sql)
    if (refused !== undefined) throw new Error(refused)
    timer?.refresh()
  }

  /** Runs one migration until it has settled and all its statements are done. */
  const run = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const stopped = Promise.withResolvers<never>()
    const stop = () => stopped.reject(signal.reason)
    const stall = () => stopped.reject(new Error(`it has not settled after ${idleLimit} s without a statement`))
    signal.addEventListener('abort', stop)
    // does not keep the process alive: when nothing else does, the end of the event loop tells at once
    timer = setTimeout(stall, idleLimit * 1000).unref()
    running = name
    try {
      await Promise.race([origin.run(name, work), stopped.promise])
      running = undefined
      for (let turn = 0; turn < turnsToDatabase; turn += 1) await setImmediate()
      if (late !== undefined) throw new Error(late)
    } finally {
      running = undefined
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  return { before, run }
}

/** Why a migration failed. Sequelize's own message may be a bare "Validation error"; what SQLite said is in `parent`. */
export const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return 'parent' in error ? reasonOf(error.parent) : error.message
}
