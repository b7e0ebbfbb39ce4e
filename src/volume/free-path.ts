import { existsSync } from 'node:fs'

/** The first path, from now on in steps of a second, that nobody has: two files of one second get two names. */
export const freePath = (pathAt: (stamp: string) => string): string => {
  for (let time = Date.now(); ; time += 1000) {
    const path = pathAt(new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, ''))
    if (!existsSync(path)) return path
  }
}
