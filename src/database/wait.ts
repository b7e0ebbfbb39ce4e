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
  const deadline = performance.now() + lockTimeout * 1000
  for (let tries = 0; performance.now() < deadline; tries += 1) {
    signal.throwIfAborted()
    const outcome = attempt(work)
    if ('value' in outcome) return outcome.value
    if (!isBusy(outcome.error)) throw outcome.error
    if (tries === 0) onWait()
    await setTimeout(20)
  }
  // the last try: whatever it says is the answer
  signal.throwIfAborted()
  return work()
}
