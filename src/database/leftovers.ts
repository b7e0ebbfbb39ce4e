import { statSync } from 'node:fs'

/** Whether a journal with content lies beside the database: its last writer was killed, or is still at work. */
export const hasLeftovers = (path: string): boolean =>
  ['-journal', '-wal'].some(suffix => (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0) > 0)
