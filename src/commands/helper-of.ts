import type { Config } from '../config.ts'
import type { Helper } from '../database/helper.ts'
import type { Check } from '../database/inspect.ts'
import { createProgress } from '../progress.ts'
import type { Context } from './context.ts'

/** How this run starts a helper process, and shows how far that is. */
export const helperOf = ({ command, log, signal }: Context): Helper => ({
  command,
  signal,
  onProgress: createProgress(log, 'bytes'),
})

/** How a whole database is read for damage, where it is read. */
export const checkOf = ({ check }: Config): Check => (check === 'always' ? 'integrity_check' : 'quick_check')
