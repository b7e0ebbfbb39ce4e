import type { Helper } from '../../src/sqlite/helper.ts'
import { entry } from './program.ts'

/** How the program starts its helper processes, for functions that are called directly. */
export const makeHelper = (changed: Partial<Helper> = {}): Helper => ({
  command: [process.execPath, entry],
  signal: new AbortController().signal,
  onProgress: () => undefined,
  idleLimit: 60,
  onUnchecked: () => undefined,
  ...changed,
})
