/** Node's timers, taken at program start: a hub's test may replace the global ones by fake timers. */
export const { setImmediate, setTimeout } = globalThis
