import { Sequelize } from '@sequelize/core'
import { SqliteDialect } from '@sequelize/sqlite3'
import { runPlain } from '../engine.ts'
import { createBridge } from '../sqlite/bridge/sequelize.ts'
import { passBigints } from '../sqlite/bridge/sequelize-internals.ts'
import { openSessions } from '../sqlite/bridge/session.ts'
import { toSequelizeText } from '../sqlite/bridge/times.ts'
import type { Connection } from '../sqlite/connect.ts'

/**
 * Sequelize 7 for a hub, on the database of an open connection, like connectSequelize for version 6: each pool connection opens
 * its own. An in-memory database has only one, so a query of another request waits for an open transaction.
 */
export const connectSequelize = (connection: Connection): Sequelize<SqliteDialect> =>
  passBigints(
    new Sequelize({
      dialect: SqliteDialect,
      sqlite3Module: createBridge(openSessions(connection, runPlain), toSequelizeText),
      storage: connection.name,
      // OPEN_READWRITE only, as for version 6
      mode: 2,
      foreignKeys: false,
      ...(connection.memory
        ? { pool: { max: 1, idle: Number.POSITIVE_INFINITY, maxUses: Number.POSITIVE_INFINITY } }
        : {}),
    }),
    'queryRaw',
  )
