import { statSync } from 'node:fs'
import { Failure } from '../failure.ts'
import { type Helper, runHelper } from './helper.ts'
import type { Check, Inspected } from './inspect.ts'
import { leftAsItIs } from './sqlite-failure.ts'

/**
 * Reads a whole database for damage, in a helper process.
 * @throws Failure DATABASE_DAMAGED with the first findings; SQLite's own errors
 */
export const checkDatabase = async (path: string, check: Check, helper: Helper): Promise<void> =>
  refuseDamage(path, await inspectByHelper(path, check, helper))

/** What `inspect` finds, in a helper process. */
export const inspectByHelper = async (path: string, check: Check, helper: Helper): Promise<Inspected> => {
  const { size } = statSync(path)
  return (await runHelper(helper, ['inspect', path, check], read =>
    helper.onProgress('checking', Math.min(read, size), size),
  )) as Inspected
}

/** @throws Failure DATABASE_DAMAGED when there are findings */
export const refuseDamage = (path: string, { findings }: Inspected): void => {
  if (findings.length === 0) return
  throw new Failure('DATABASE_DAMAGED', `${path} is damaged: ${findings.join('; ')}`, leftAsItIs)
}
