import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  Model,
  type NonAttribute,
  type Sequelize,
} from 'sequelize'
import { counter, integer, real, timestamp } from './columns.ts'
import type { Server } from './server.ts'

/** A counter up to 2^63-1: a number, or from 2^53 on a string of digits, so that nothing is rounded. */
export type Counter = number | string

/** What a server reported at one moment. */
export class Metric extends Model<InferAttributes<Metric>, InferCreationAttributes<Metric>> {
  declare id: CreationOptional<number>
  declare server_id: string
  declare timestamp: Date
  declare cpu_percent: CreationOptional<number | null>
  declare memory_percent: CreationOptional<number | null>
  declare memory_total_mb: CreationOptional<number | null>
  declare memory_used_mb: CreationOptional<number | null>
  declare disk_percent: CreationOptional<number | null>
  declare disk_total_gb: CreationOptional<number | null>
  declare disk_used_gb: CreationOptional<number | null>
  declare network_rx_bytes: CreationOptional<Counter | null>
  declare network_tx_bytes: CreationOptional<Counter | null>
  declare load_1m: CreationOptional<number | null>
  declare load_5m: CreationOptional<number | null>
  declare load_15m: CreationOptional<number | null>
  declare uptime_seconds: CreationOptional<Counter | null>
  declare readonly server?: NonAttribute<Server>
}

/** Binds Metric to a connection; its table is the one that the migrations make. */
export const initMetric = (sequelize: Sequelize): void => {
  Metric.init(
    {
      id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
      server_id: { type: DataTypes.TEXT, allowNull: false },
      timestamp: { ...timestamp('timestamp'), allowNull: false },
      cpu_percent: real(),
      memory_percent: real(),
      memory_total_mb: integer(),
      memory_used_mb: integer(),
      disk_percent: real(),
      disk_total_gb: real(),
      disk_used_gb: real(),
      network_rx_bytes: counter(),
      network_tx_bytes: counter(),
      load_1m: real(),
      load_5m: real(),
      load_15m: real(),
      uptime_seconds: counter(),
    },
    { sequelize, modelName: 'metric', tableName: 'metrics', timestamps: false },
  )
}
