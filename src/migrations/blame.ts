import { AsyncLocalStorage } from 'node:async_hooks'
import { Failure, reasonOf } from '../failure.ts'
import { explainLoading, failedText } from '../where.ts'
import type { MigrationFile } from './files.ts'

/** The migration whose code runs, and whether it is being loaded or run. */
export type Origin = Pick<MigrationFile, 'name' | 'file'> & Readonly<{ does: 'load' | 'run' }>

const storage = new AsyncLocalStorage<Origin>()
const strays = new WeakMap<AbortSignal, Origin | undefined>()

/** Runs a migration's code. What it starts has the same origin: a promise, a timer, a worker, a child process. */
export const asOrigin = <T>(origin: Origin, work: () => T): T => storage.run(origin, work)

export const presentOrigin = (): Origin | undefined => storage.getStore()

/**
 * Records from now on whose error stops the program: main.ts aborts the signal with an uncaught error, and Node calls
 * the listener in the async context of the error, even long after the migration returned.
 */
export const watchStrays = (signal: AbortSignal): void => {
  if (strays.has(signal)) return
  strays.set(signal, undefined)
  signal.addEventListener('abort', () => strays.set(signal, presentOrigin()))
}

/**
 * Returns what `work` returns.
 * @throws Failure if an uncaught error of a migration stopped it: MIGRATION_FAILED, or CONFIG_INVALID while its file is
 *   loaded; what `work` throws
 */
export const blamingStrays = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    const origin = strays.get(signal)
    if (!signal.aborted || error !== signal.reason || error instanceof Failure || origin === undefined) throw error
    throw origin.does === 'run' ? migrationFailed(origin, error) : loadFailed(origin.file, error)
  }
}

/** The Failure MIGRATION_FAILED for an error that a migration caused. */
export const migrationFailed = ({ name, file }: Pick<MigrationFile, 'name' | 'file'>, cause: unknown): Failure => {
  const cure = /\balready exists\b/.test(reasonOf(cause))
    ? 'If the hub made it, run `migrator adopt`, which records the migration. Otherwise fix the migration.'
    : 'Fix the migration, then run `migrator up`.'
  const hint = `Everything was rolled back; the database is as it was. ${cure}`
  return new Failure('MIGRATION_FAILED', `migration ${name} ${failedText(cause, file)}`, hint, cause)
}

/** The Failure CONFIG_INVALID for a migration's file that cannot be loaded. */
export const loadFailed = (file: string, cause: unknown): Failure => {
  const { place, reason, hint } = explainLoading(cause, file)
  return new Failure('CONFIG_INVALID', `${place} cannot be loaded: ${reason}`, hint, cause)
}

/** A signal that only SIGINT and SIGTERM abort: after a commit, an error of a migration must not stop anything. */
export const stopsAlone = (signal: AbortSignal): AbortSignal => {
  const controller = new AbortController()
  const stop = (): void => {
    if (signal.reason instanceof Failure) controller.abort(signal.reason)
  }
  signal.addEventListener('abort', stop)
  stop()
  return controller.signal
}
