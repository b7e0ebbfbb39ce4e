import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
  type NonAttribute,
  type Sequelize,
} from 'sequelize'
import { integer, timestamp } from './columns.ts'
import type { Metric } from './metric.ts'

/** A server's system, computed by the database from four columns. */
export type OsInfo = Readonly<{
  distribution: string | null
  version: string | null
  kernel: string | null
  architecture: string | null
}>

/** A machine the hub watches. */
export class Server extends Model<InferAttributes<Server>, InferCreationAttributes<Server, { omit: 'os_info' }>> {
  declare id: string
  declare hostname: string
  declare display_name: CreationOptional<string | null>
  declare ip_address: CreationOptional<string | null>
  declare status: CreationOptional<'online' | 'offline' | 'unknown'>
  declare os_distribution: CreationOptional<string | null>
  declare os_version: CreationOptional<string | null>
  declare kernel_version: CreationOptional<string | null>
  declare architecture: CreationOptional<string | null>
  declare tdp_watts: CreationOptional<number | null>
  declare last_seen: CreationOptional<Date | null>
  declare created_at: CreationOptional<Date>
  declare updated_at: CreationOptional<Date>
  /** as the database computed it when this was read; null on a server that was not read back since it was made */
  declare readonly os_info: OsInfo | null
  declare readonly metrics?: NonAttribute<readonly Metric[]>
}

/** Binds Server to a connection; its table is the one that the migrations make. */
export const initServer = (sequelize: Sequelize): void => {
  Server.init(
    {
      id: { type: DataTypes.TEXT, primaryKey: true },
      hostname: { type: DataTypes.TEXT, allowNull: false },
      display_name: DataTypes.TEXT,
      ip_address: DataTypes.TEXT,
      status: { type: DataTypes.TEXT, defaultValue: 'unknown' },
      os_distribution: DataTypes.TEXT,
      os_version: DataTypes.TEXT,
      kernel_version: DataTypes.TEXT,
      architecture: DataTypes.TEXT,
      tdp_watts: integer(),
      last_seen: timestamp('last_seen'),
      created_at: timestamp('created_at'),
      updated_at: timestamp('updated_at'),
      os_info: {
        type: DataTypes.TEXT,
        get(this: Model): OsInfo | null {
          const text: unknown = this.getDataValue('os_info')
          return typeof text === 'string' ? JSON.parse(text) : null
        },
        set(): never {
          throw new TypeError('os_info is computed from os_distribution, os_version, kernel_version and architecture')
        },
      },
    },
    {
      sequelize,
      modelName: 'server',
      tableName: 'servers',
      createdAt: 'created_at',
      updatedAt: 'updated_at',
    },
  )
}
