export type Outcome<T> = Readonly<{ value: T } | { error: unknown }>

/** Runs `work` and gives its value, or what it threw. */
export const attempt = <T>(work: () => T): Outcome<T> => {
  try {
    return { value: work() }
  } catch (error) {
    return { error }
  }
}
