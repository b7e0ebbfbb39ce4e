import type { Ledger } from '../../src/engine.ts'
import { createHandle } from '../../src/sqlite/bridge/handle.ts'
import { connectHandle } from '../../src/sqlite/bridge/sequelize.ts'
import type { Connection } from '../../src/sqlite/connect.ts'

/** Runs statements as a migration does: one after the other, through the bridge, each of them seen by the ledger. */
export const runStatements = async (
  connection: Connection,
  ledger: Ledger,
  statements: readonly string[],
): Promise<void> => {
  const sequelize = connectHandle(createHandle(connection), ledger.around)
  for (const sql of statements) await sequelize.query(sql)
}
