/** Node's timers as they are when the program begins: a test of a hub may replace the global ones, and time stands still. */
export const { setImmediate, setTimeout } = globalThis

/** Milliseconds of a clock that only goes forward. */
export const now = performance.now.bind(performance)
