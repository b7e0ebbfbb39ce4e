import { setTimeout } from 'node:timers/promises'
import { attempt } from '../attempt.ts'
import { isBusy } from './sqlite-failure.ts'

/** How to wait for another writer. */
export type Patience = Readonly<{
  /** seconds */
  lockTimeout: number
  /** aborted by a signal; its reason is thrown */
  signal: AbortSignal
  /** called once, when it is clear that there will be a wait */
  onWait: () => void
}>

/**
 * Runs `work` again and again while SQLite says that another connection holds the lock, up to the timeout.
 * @throws what `work` throws: SQLITE_BUSY once the timeout is over; the signal's reason when it is aborted
 */
export const whenFree = async <T>(work: () => T, { lockTimeout, signal, onWait }: Patience): Promise<T> => {
  signal.throwIfAborted()
  const first = attempt(work)
  if ('value' in first) return first.value
  if (!isBusy(first.error)) throw first.error
  if (lockTimeout > 0) onWait()
  // the clock is asked only here: loading it is a good part of a run with nothing to do
  const deadline = performance.now() + lockTimeout * 1000
  while (performance.now() < deadline) {
    await setTimeout(20)
    signal.throwIfAborted()
    const outcome = attempt(work)
    if ('value' in outcome) return outcome.value
    if (!isBusy(outcome.error)) throw outcome.error
  }
  throw first.error
}
