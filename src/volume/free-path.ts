import { existsSync } from 'node:fs'

/** The first path, from now on in steps of a second, that nobody has: two files of one second get two names. */
export const freePath = (pathAt: (stamp: string) => string, now: number = Date.now()): string => {
  const path = pathAt(new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, ''))
  return existsSync(path) ? freePath(pathAt, now + 1000) : path
}
