import { AsyncLocalStorage } from 'node:async_hooks'
import { Failure, reasonOf } from '../failure.ts'

/** Whose code runs: a migration that is loaded, or one that runs. */
type Origin = Readonly<{ name: string; does: 'load' | 'run' }>

const storage = new AsyncLocalStorage<Origin>()
const strays = new WeakMap<AbortSignal, Origin | undefined>()

/** Runs code of a migration, and whatever that starts: a promise, a timer, a worker, a child. */
export const asOrigin = <T>(origin: Origin, work: () => T): T => storage.run(origin, work)

export const presentOrigin = (): Origin | undefined => storage.getStore()

/**
 * From now on it is known whose error stops the program: main.ts aborts the signal with an error that nobody caught, and Node calls
 * that in the context of what went wrong, even where it has returned long before.
 */
export const watchStrays = (signal: AbortSignal): void => {
  if (strays.has(signal)) return
  strays.set(signal, undefined)
  signal.addEventListener('abort', () => strays.set(signal, presentOrigin()))
}

/**
 * Gives what `work` gives.
 * @throws Failure where it is stopped by an error out of a migration that nobody caught: MIGRATION_FAILED, and CONFIG_INVALID for
 *   one of its file; what `work` throws
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

/** A migration is to blame for what went wrong. */
export const migrationFailed = (name: string, cause: unknown): Failure => {
  const reason = reasonOf(cause)
  const cure = /\balready exists\b/.test(reason)
    ? 'Where the hub made it, "migrator adopt" records the migration; otherwise mend the migration, then start again.'
    : 'Mend the migration, then start again.'
  const hint = `Everything was rolled back; the database is as it was. ${cure}`
  return new Failure('MIGRATION_FAILED', `migration ${name} failed: ${reason}`, hint, cause)
}

/** A file of a migration is to blame for what went wrong. */
export const loadFailed = (file: string, cause: unknown): Failure =>
  new Failure('CONFIG_INVALID', `${file} cannot be loaded: ${firstLine(reasonOf(cause))}`, 'Mend the file.', cause)

const firstLine = (text: string): string => text.trim().replace(/\n[\s\S]*/, '')

/** A signal that is aborted by people alone: once a change is committed no error of a migration has anything to stop. */
export const stopsAlone = (signal: AbortSignal): AbortSignal => {
  const controller = new AbortController()
  const stop = (): void => {
    if (signal.reason instanceof Failure) controller.abort(signal.reason)
  }
  signal.addEventListener('abort', stop)
  stop()
  return controller.signal
}
