import { Sequelize } from '@sequelize/core'
import { SqliteDialect } from '@sequelize/sqlite3'
import { runPlain } from '../engine.ts'
import type { Connection } from '../sqlite/connect.ts'
import { createBridge } from '../sqlite/sequelize.ts'

/**
 * Sequelize 7 on an open connection, through the bridge. Mode 2 is SQLite's OPEN_READWRITE alone, as for version 6.
 * A pool of one: a query of another request waits for a transaction that is open, instead of running inside it.
 * Foreign keys stay as the connection has them.
 */
export const connectSequelize = (connection: Connection): Sequelize<SqliteDialect> =>
  new Sequelize({
    dialect: SqliteDialect,
    sqlite3Module: createBridge(connection, runPlain),
    storage: connection.name,
    mode: 2,
    foreignKeys: false,
    pool: { max: 1 },
  })
