import { setTimeout } from 'node:timers/promises'
import { attemptAsync, Failure } from '../failure.ts'
import type { Connection } from './connect.ts'
import { isLost, sqlState } from './errors.ts'
import { keepHistory } from './history.ts'
import { beginAlone } from './lock.ts'

type Means = Readonly<{
  /** the history as it was when the transaction began: see historyText */
  before: string
  /** opens another connection, to what is the primary then */
  spare: () => Promise<Connection>
  /** seconds until an answer is given up */
  timeout: number
  signal: AbortSignal
}>

/**
 * Commits. A COMMIT whose answer is lost is never cancelled: the history tells on another connection whether it holds, asked under
 * the lock, which the server frees when the old transaction has ended.
 * @throws Failure COMMIT_UNKNOWN if the history cannot be asked in time, or COMMIT itself is not answered, as where a synchronous
 *   standby is gone; the server's error where nothing was changed
 */
export const commitSurely = async (connection: Connection, means: Means): Promise<void> => {
  const expected = await historyText(connection)
  const late = setTimeout(Math.max(1, means.timeout) * 1000, undefined, { ref: false })
  const outcome = await Promise.race([attemptAsync(() => connection.query('COMMIT')), late])
  if (outcome === undefined) {
    connection.destroy()
    throw unknown(connection, `COMMIT was not answered in ${means.timeout} s`, undefined)
  }
  if ('value' in outcome) {
    // COMMIT of a transaction that failed since is answered by ROLLBACK, without an error
    if (outcome.value.command === 'COMMIT') return
    throw new Error('the transaction had failed, and was rolled back')
  }
  const { error } = outcome
  const mayHold = sqlState(error) === undefined ? isLost(error) : /^(?:57P0[123]|08)/.test(String(sqlState(error)))
  if (!mayHold) throw error
  if (!(await holds(connection, expected, means, error))) throw error
}

/** All that the history holds, or what is wrong with it, to be compared. */
export const historyText = async (connection: Connection): Promise<string> => {
  const outcome = await attemptAsync(() => keepHistory(connection).read())
  if ('value' in outcome) return JSON.stringify(outcome.value)
  if (outcome.error instanceof Failure) return outcome.error.message
  throw outcome.error
}

/** Whether the history is as it was about to be committed. */
const holds = async (connection: Connection, expected: string, means: Means, cause: unknown): Promise<boolean> => {
  if (means.before === expected) throw unknown(connection, 'the answer to COMMIT was lost', cause)
  const deadline = performance.now() + Math.max(1, means.timeout) * 1000
  while (performance.now() < deadline) {
    const asked = await attemptAsync(() => askHistory(means))
    if ('value' in asked) return asked.value === expected
    await setTimeout(500)
  }
  throw unknown(connection, 'the answer to COMMIT was lost, and the server cannot be asked', cause)
}

const askHistory = async ({ spare, timeout, signal }: Means): Promise<string> => {
  const other = await spare()
  try {
    await beginAlone(other, { lockTimeout: timeout, signal })
    return await historyText(other)
  } finally {
    other.destroy()
  }
}

const unknown = ({ address }: Connection, reason: string, cause: unknown): Failure =>
  new Failure(
    'COMMIT_UNKNOWN',
    `${address.shown} may or may not have been changed: ${reason}`,
    'All of it was done, or nothing. Run `migrator up` again once the server responds: the history tells.',
    cause,
  )
