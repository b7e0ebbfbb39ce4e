import { AsyncLocalStorage } from 'node:async_hooks'
import { framesOf } from '../../failure.ts'

/** The frames that led to the call that runs now. */
const frames = new AsyncLocalStorage<string>()

export const presentFrames = (): string | undefined => frames.getStore()

/** Whether the present statement is of a call that names all that it changes: changeColumn is one, rebuildTable none. */
const named = new AsyncLocalStorage<true>()

export const isOfNamedChange = (): boolean => named.getStore() === true

export const asNamedChange = <T>(work: () => T): T => named.run(true, work)

/**
 * Runs a call of a migration: its statements know where it was called, and its error has that in its stack. A function that only
 * returns what Sequelize gives is no longer there when that fails.
 */
export const rememberingCall = async <T>(work: () => T | Promise<T>): Promise<T> => {
  const here = [framesOf(new Error('called here')), frames.getStore() ?? ''].join('\n')
  try {
    return await frames.run(here, work)
  } catch (error) {
    if (error instanceof Error && !remembered.has(error)) {
      remembered.add(error)
      error.stack = `${error.stack}\n${here}`
    }
    throw error
  }
}

/** Errors whose stack has the innermost call, with those around it. */
const remembered = new WeakSet<Error>()
