import { readdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'

/**
 * The first path, from now on in steps of a second, that nobody has, nor has with more behind it: two files of one second get two
 * names, and a database none beside which another one's journal lies.
 */
export const freePath = (pathAt: (stamp: string) => string, now: number = Date.now()): string => {
  const path = pathAt(new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, ''))
  const isTaken = readdirSync(dirname(path)).some(entry => entry.startsWith(basename(path)))
  return isTaken ? freePath(pathAt, now + 1000) : path
}
