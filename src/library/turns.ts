/** The runs that each place waits for, the last one first in line; gone when all have ended. */
const last = new Map<string, Promise<unknown>>()

/**
 * Runs `work` after all earlier work on the same place in this process. SQLite's own locks would do it, too, but waiting for them
 * holds up the event loop, which the earlier run needs.
 * @param signal ends the wait, not the work; its reason is thrown
 */
export const inTurn = async <T>(place: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  const before = last.get(place)
  const turn = Promise.withResolvers<void>()
  const all = Promise.all([before, turn.promise]).then(() => {
    if (last.get(place) === all) last.delete(place)
  })
  last.set(place, all)
  try {
    await unlessAborted(before, signal)
    return await work()
  } finally {
    turn.resolve()
  }
}

const unlessAborted = async (before: Promise<unknown> | undefined, signal: AbortSignal): Promise<void> => {
  const aborted = Promise.withResolvers<never>()
  const stop = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', stop)
  try {
    await Promise.race([before, aborted.promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
