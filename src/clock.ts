/**
 * Time without the modules of Node that bring it: a first look at `performance` loads ten of them, `node:timers/promises` two.
 * Taken at program start: a migration, or a hub's test, may replace the global ones.
 */
export const { setImmediate, setTimeout } = globalThis
const { hrtime } = process

/** Milliseconds of a monotonic clock. */
export const now = (): number => {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/** Waits for the next turn of the event loop. */
export const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

/** Waits for so many milliseconds. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise(resolve => void setTimeout(resolve, milliseconds))
