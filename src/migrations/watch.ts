import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { keywordOf } from '../database/bridge.ts'

/** Seconds that a migration may go without a statement. */
export const settleLimit = 60

/** Turns of the event loop that a statement needs from Sequelize's call to the database, and one to spare. */
const turnsToDatabase = 4

/**
 * Watches over what migrations do with the connection: it refuses statements that would undo the protection around them,
 * notices a promise that never settles, and a statement that a migration did not wait for.
 * @param signal once aborted, the migration is stopped with its reason
 * @param settleLimit seconds that a migration may take without a statement
 */
export const createWatch = (signal: AbortSignal, settleLimit: number) => {
  const origin = new AsyncLocalStorage<string>()
  let running: string | undefined
  let late: string | undefined
  let timer: NodeJS.Timeout | undefined

  /** For the bridge: sees each statement before it runs. */
  const before = (sql: string): void => {
    signal.throwIfAborted()
    const name = origin.getStore()
    if (running === undefined || name !== running) {
      late = `${name} runs a statement after it returned (await every call): ${sql}`
      throw new Error(late)
    }
    refuseUnprotected(sql)
    timer?.refresh()
  }

  /** Runs one migration until it has settled and all its statements are done. */
  const run = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const stopped = Promise.withResolvers<never>()
    const stop = () => stopped.reject(signal.reason)
    const stall = () => stopped.reject(new Error(`it has not settled after ${settleLimit} s without a statement`))
    signal.addEventListener('abort', stop)
    // does not keep the process alive: when nothing else does, the end of the event loop tells at once
    timer = setTimeout(stall, settleLimit * 1000).unref()
    running = name
    try {
      await Promise.race([origin.run(name, work), stopped.promise])
      running = undefined
      for (let turn = 0; turn < turnsToDatabase; turn += 1) await setImmediate()
      if (late !== undefined) throw new Error(late)
    } finally {
      running = undefined
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  return { before, run }
}

/** What a migration has no business with: other files, and the switches that this program has set around it. */
const refuseUnprotected = (sql: string): void => {
  const keyword = keywordOf(sql)
  if (keyword === 'ATTACH' || keyword === 'DETACH') throw new Error(`${keyword} is not for migrations: ${sql}`)
  if (keyword !== 'PRAGMA') return
  const setting = /\b(foreign_keys|writable_schema|journal_mode|locking_mode)\s*[=(]/i.exec(sql)?.[1]
  if (setting !== undefined)
    throw new Error(`PRAGMA ${setting} is not for migrations: the migrator sets it around them`)
}
