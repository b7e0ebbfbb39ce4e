import { AsyncLocalStorage } from 'node:async_hooks'
import { Failure, reasonOf } from '../failure.ts'

/** The migration whose code runs, and whether it is being loaded or run. */
type Origin = Readonly<{ name: string; does: 'load' | 'run' }>

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
    throw origin.does === 'run' ? migrationFailed(origin.name, error) : loadFailed(origin.name, error)
  }
}

/** The Failure MIGRATION_FAILED for an error that a migration caused. */
export const migrationFailed = (name: string, cause: unknown): Failure => {
  const reason = reasonOf(cause)
  const cure = /\balready exists\b/.test(reason)
    ? 'Where the hub made it, "migrator adopt" records the migration; otherwise mend the migration, then start again.'
    : 'Mend the migration, then start again.'
  const hint = `Everything was rolled back; the database is as it was. ${cure}`
  return new Failure('MIGRATION_FAILED', `migration ${name} failed: ${reason}`, hint, cause)
}

/** The Failure CONFIG_INVALID for a migration's file that cannot be loaded. */
export const loadFailed = (file: string, cause: unknown): Failure =>
  new Failure('CONFIG_INVALID', `${file} cannot be loaded: ${firstLine(reasonOf(cause))}`, 'Mend the file.', cause)

const firstLine = (text: string): string => text.trim().replace(/\n[\s\S]*/, '')

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
