import { AsyncLocalStorage } from 'node:async_hooks'
import { Failure } from '../failure.ts'

/** The runs that each place waits for, the last one first in line; gone when all have ended. */
const last = new Map<string, Promise<unknown>>()

/** A place at work, and the run that this one was begun in. */
type Turn = { readonly place: string; readonly outer: Turn | undefined; ended: boolean }

/** The turn that the present code is called in: a migration's code is. */
const present = new AsyncLocalStorage<Turn>()

/**
 * Runs `work` after all earlier work on the same place in this process. SQLite's own locks would do it, too, but waiting for them
 * holds up the event loop, which the earlier run needs.
 * @param signal ends the wait, not the work; its reason is thrown
 * @throws Failure MIGRATION_FAILED if earlier work on the same place calls it, for which it would wait
 */
export const inTurn = async <T>(place: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  const outer = present.getStore()
  requireNone(outer, place)
  const own: Turn = { place, outer, ended: false }
  const before = last.get(place)
  const turn = Promise.withResolvers<void>()
  const all = Promise.all([before, turn.promise]).then(() => {
    if (last.get(place) === all) last.delete(place)
  })
  last.set(place, all)
  try {
    await unlessAborted(before, signal)
    return await present.run(own, work)
  } finally {
    own.ended = true
    turn.resolve()
  }
}

const requireNone = (present: Turn | undefined, place: string): void => {
  for (let turn = present; turn !== undefined; turn = turn.outer) {
    // what a migration left behind may call after its run: it waits like others
    if (turn.place !== place || turn.ended) continue
    const hint = 'Everything was rolled back. Start it after that run has ended, or on another database.'
    throw new Failure(
      'MIGRATION_FAILED',
      `a migration cannot start a run on ${place}, because it is being run there itself`,
      hint,
    )
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
