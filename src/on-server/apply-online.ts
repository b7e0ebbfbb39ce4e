// This file is about PostgreSQL.
import type { Context } from '../context.ts'
import { type Ledger, runPlain, type Transaction } from '../engine.ts'
import { must } from '../failure.ts'
import type { LoadedMigration } from '../migrations/load.ts'
import { applyMigrations, type RunOptions } from '../migrations/run.ts'
import { onlineEditor } from '../postgres/concurrent.ts'
import { connect } from '../postgres/connect.ts'
import type { PostgresReader } from '../postgres/reader.ts'
import { asOnline } from './online.ts'

/** It watches no row: building an index changes none, and counting them would lock the table that the index is of. */
const noRows: Ledger = {
  around: runPlain,
  isOpen: () => true,
  begin: async () => undefined,
  end: async () => ({ tables: [], orphans: [], unchecked: [], unreadable: [] }),
  missing: async () => [],
  finish: async () => undefined,
}

/**
 * Applies the one pending migration, which is online, by a connection of its own; the transaction holds the lock meanwhile, and
 * records it when it is done.
 * @throws as applyMigrations; Failure DATABASE_BUSY if another session still builds the same index at the timeout
 */
export const applyOnline = async (
  { config, log, signal }: Context,
  transaction: Transaction,
  migrations: readonly LoadedMigration[],
  options: RunOptions,
): ReturnType<typeof applyMigrations> => {
  const { server, rootCertificate, lockTimeout } = config
  const { connection: holder } = transaction as Transaction & PostgresReader
  const builder = await connect(must(server), 'write', rootCertificate)
  const onWait = (index: string): void =>
    log.info('index.waiting', `waiting up to ${lockTimeout} s for another session that builds the index ${index}`, {
      index,
      lockTimeout,
    })
  try {
    const database = {
      ...transaction,
      ledger: async () => noRows,
      editor: async (hook: RunOptions['hook']) =>
        onlineEditor({ holder, builder, hook, timeout: lockTimeout, signal, onWait }),
      // the holder's connection may have broken during a long build, which is not the migration's fault
      refuseUnfinished: () =>
        transaction.refuseUnfinished().catch(error => {
          throw transaction.explain(error)
        }),
    }
    return await applyMigrations(
      database,
      migrations.map(migration => asOnline(migration, context => context)),
      options,
    )
  } finally {
    builder.destroy()
  }
}
