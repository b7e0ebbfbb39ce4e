import type { Helper } from '../database/helper.ts'
import { createProgress } from '../progress.ts'
import type { Context } from './context.ts'

/** How this run starts a helper process, and shows how far that is. */
export const helperOf = ({ command, log, signal }: Context): Helper => ({
  command,
  signal,
  onProgress: createProgress(log, 'bytes'),
})
