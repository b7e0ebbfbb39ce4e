import { Sequelize } from 'sequelize'
import { type Around, plainly } from './around.ts'
import { createBridge } from './bridge.ts'
import type { Connection } from './open.ts'

/**
 * Sequelize 6 on an open connection, through the bridge. `around` stands around each statement.
 * Mode 2 is SQLite's OPEN_READWRITE alone: with OPEN_CREATE Sequelize would make the folder of an unmounted volume.
 * Foreign keys stay as the connection has them.
 */
export const connectSequelize = (connection: Connection, around: Around = plainly): Sequelize =>
  new Sequelize({
    dialect: 'sqlite',
    dialectModule: createBridge(connection, around),
    dialectOptions: { mode: 2 },
    storage: connection.name,
    logging: false,
    ...foreignKeysAsTheyAre,
  })

/** Read by Sequelize's SQLite connection manager, but missing from its types. */
const foreignKeysAsTheyAre: object = { foreignKeys: false }
