import { setTimeout } from 'node:timers/promises'
import { Failure } from '../failure.ts'
import type { Connection } from './connect.ts'

/** How long to wait for another run, and what to do when the wait starts. */
export type Patience = Readonly<{
  /** seconds */
  lockTimeout: number
  /** ends the wait; its reason is thrown */
  signal: AbortSignal
  onWait?: () => void
}>

/** Milliseconds between two tries. */
const pause = 100

/** Two numbers that stand for the migrator and for its schema, as a key of the server's own locks. */
const key = "hashtext('homelab-migrator'), hashtext($1)"

/**
 * Begins a transaction that excludes other migrators. It polls: a waiter's snapshot would block CREATE INDEX CONCURRENTLY for ever.
 * The lock ends with the transaction, because a pooler gives the session to another program next.
 * @throws Failure DATABASE_BUSY; the reason of the signal
 */
export const beginAlone = async (connection: Connection, { lockTimeout, signal, onWait }: Patience): Promise<void> => {
  const { schema, shown } = connection.address
  const deadline = performance.now() + lockTimeout * 1000
  for (let tries = 0; ; tries += 1) {
    signal.throwIfAborted()
    await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE')
    const [tried] = await connection.rows<{ got: boolean }>(`SELECT pg_try_advisory_xact_lock(${key}) AS got`, [schema])
    if (tried?.got) return
    await connection.query('ROLLBACK')
    if (performance.now() >= deadline) {
      const hint = 'Wait for it, or raise MIGRATOR_LOCK_TIMEOUT.'
      throw new Failure('DATABASE_BUSY', `another migrator is running on ${shown}`, hint)
    }
    if (tries === 0) onWait?.()
    await setTimeout(pause, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
