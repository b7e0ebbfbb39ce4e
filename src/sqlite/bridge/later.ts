/** Node's timers, taken at program start: a hub's test may replace the global ones by fake timers. */
export const { setImmediate, setTimeout } = globalThis

/** Milliseconds of a monotonic clock. */
export const now = performance.now.bind(performance)
