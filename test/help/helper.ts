import { join } from 'node:path'
import type { Helper } from '../../src/sqlite/helper.ts'
import { root } from './program.ts'

/** How the program starts its helper processes, for functions that are called directly. */
export const makeHelper = (changed: Partial<Helper> = {}): Helper => ({
  command: [process.execPath, join(root, 'bin/migrator.js')],
  signal: new AbortController().signal,
  onProgress: () => undefined,
  idleLimit: 60,
  onUnchecked: () => undefined,
  ...changed,
})
