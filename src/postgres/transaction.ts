import type { Migratable, Transaction } from '../engine.ts'
import { applySettings } from './begin.ts'
import type { Connection } from './connect.ts'
import { makeSafe } from './editor.ts'
import { isOfServer, toFailure } from './errors.ts'
import { createHandle } from './handle.ts'
import { keepHistory, prepareHistory, recordApplied, removeApplied } from './history.ts'
import { openLedger } from './ledger.ts'
import { requirePrivileges } from './privileges.ts'
import { type PostgresReader, readerOf } from './reader.ts'
import { connectHandle } from './sequelize.ts'
import { refusalOf } from './sql.ts'

/** What a transaction needs besides its connection. */
export type Means = Readonly<{
  /** opens another connection to the same server */
  spare: () => Promise<Connection>
  /** seconds that one statement waits for a lock on a table */
  statementLockTimeout: number
}>

/** The transaction of a run, which it commits. @param connection as below */
export const transactionOf = (
  connection: Connection,
  { commit, ...means }: Means & Pick<Transaction, 'commit'>,
): Transaction & PostgresReader => ({
  ...migratableOf(connection, means),
  probe: () => requirePrivileges(connection),
  // a server's disk is its administrator's
  spaceFor: async () => [],
  flushCommitted: async () => undefined,
  commit,
})

/** What migrations run on. @param connection is inside a transaction that excludes other migrators */
export const migratableOf = (
  connection: Connection,
  { spare, statementLockTimeout }: Means,
): Migratable & PostgresReader => {
  const handle = createHandle(connection)
  const { shown } = connection.address
  return {
    ...readerOf(connection),
    prepareHistory: known => prepareHistory(connection, known),
    record: migration => recordApplied(connection, migration),
    unrecord: name => removeApplied(connection, name),
    compiled: () => new Map(),
    editor: async (hook, onProgress) =>
      makeSafe(connection, connectHandle(connection, handle, hook).getQueryInterface(), onProgress),
    keeper: () => keepHistory(connection),
    ledger: async () => openLedger(connection, { spare, reset: () => applySettings(connection, statementLockTimeout) }),
    refuseUnfinished: handle.refuseUnfinished,
    refusal: refusalOf,
    explain: error => (isOfServer(error) ? toFailure(error, shown) : error),
  }
}
