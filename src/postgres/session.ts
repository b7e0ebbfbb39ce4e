import { setTimeout } from 'node:timers/promises'
import type { Session } from '../engine.ts'
import { attemptAsync } from '../failure.ts'
import type { ServerAddress } from '../server.ts'
import { applySettings, leaveNothing } from './begin.ts'
import { hasObjects } from './catalog.ts'
import { commitSurely, historyText } from './commit.ts'
import { type Access, type Connection, connect } from './connect.ts'
import { describeServer } from './describe.ts'
import { beginAlone, type Patience } from './lock.ts'
import type { PostgresEngine, Surroundings } from './postgres.ts'
import { readerOf } from './reader.ts'
import { quote } from './sql.ts'

/** What an engine does on a connection. */
type Connected = Pick<PostgresEngine, 'preflight' | 'open' | 'read'> &
  Pick<NonNullable<PostgresEngine['server']>, 'describe'>

export const connected = (surroundings: Surroundings, address: ServerAddress): Connected => {
  const { config } = surroundings
  const open = (access: Access): Promise<Connection> => connect(address, access, config.rootCertificate)
  const asked = async <T>(access: Access, work: (connection: Connection) => Promise<T>): Promise<T> => {
    const connection = await open(access)
    try {
      return await work(connection)
    } finally {
      await connection.close()
    }
  }
  return {
    preflight: () => asked('read', async connection => ((await hasObjects(connection)) ? 'there' : 'empty')),
    open: async () => sessionOf(surroundings, await open('write'), () => open('write')),
    read: (whenBusy, work) =>
      asked('read', connection =>
        inSnapshot(connection, whenBusy === 'wait' ? config.lockTimeout * 1000 : 1, () => work(readerOf(connection))),
      ),
    describe: () => asked('read', describeServer),
  }
}

/** How long to wait for another run, and what to log when the wait starts. */
const patienceOf = ({ config, log, signal }: Surroundings): Patience => ({
  lockTimeout: config.lockTimeout,
  signal,
  onWait: () => {
    const { database, lockTimeout } = config
    log.info('lock.waiting', `waiting up to ${lockTimeout} s for another migrator of ${database}`, {
      database,
      lockTimeout,
    })
  },
})

/** Runs `work` on one state. @param lockTimeout milliseconds to wait for a table that is being changed */
const inSnapshot = async <T>(connection: Connection, lockTimeout: number, work: () => Promise<T>): Promise<T> => {
  await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  try {
    // 0 would mean no limit; with this search_path the catalog leaves the schema out of names
    await connection.query("SELECT set_config('lock_timeout', $1, true), set_config('search_path', $2, true)", [
      ...[`${Math.max(1, lockTimeout)}ms`, quote(connection.address.schema)],
    ])
    return await work()
  } finally {
    await attemptAsync(() => connection.query('ROLLBACK'))
  }
}

const sessionOf = (surroundings: Surroundings, connection: Connection, spare: () => Promise<Connection>): Session => {
  const { config } = surroundings
  const { statementLockTimeout } = config
  return {
    ...readerOf(connection),
    isSuspect: async () => false,
    snapshot: work => inSnapshot(connection, config.lockTimeout * 1000, work),
    transaction: async (work, signal = surroundings.signal) => {
      await beginAlone(connection, { ...patienceOf(surroundings), signal })
      let isOver = false
      let before = ''
      const commit = async (): Promise<void> => {
        if (isOver) return
        await leaveNothing(connection)
        await applySettings(connection, statementLockTimeout)
        isOver = true
        await commitSurely(connection, { before, spare, timeout: config.lockTimeout, signal })
      }
      try {
        await applySettings(connection, statementLockTimeout)
        before = await historyText(connection)
        const { transactionOf } = await import('./transaction.ts')
        const result = await work(transactionOf(connection, { spare, statementLockTimeout, commit }))
        await commit()
        return result
      } catch (error) {
        if (!isOver) await rollBack(connection)
        throw error
      }
    },
    handOver: async () => undefined,
    close: async () => {
      await connection.close()
    },
  }
}

/** Milliseconds that a ROLLBACK may take. */
const patienceToRollBack = 5000

/** Rolls back. If a statement still runs, closes the connection instead: then the server rolls back. */
const rollBack = async (connection: Connection): Promise<void> => {
  if (connection.unanswered() > 0) return connection.destroy()
  const late = setTimeout(patienceToRollBack, undefined, { ref: false })
  const outcome = await Promise.race([attemptAsync(() => connection.query('ROLLBACK')), late])
  if (outcome === undefined || 'error' in outcome) connection.destroy()
}
