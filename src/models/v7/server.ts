import { type DataType, DataTypes, Model, type Sequelize } from '@sequelize/core'
import { serverColumns } from '../columns.ts'
import type { NewServer, ServerRow } from '../rows.ts'
import type { Metric } from './metric.ts'
import { Timestamp } from './timestamp.ts'

export interface Server extends ServerRow {}

/** A machine the hub watches. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: Sequelize defines the columns of the row on the class
export class Server extends Model<ServerRow, NewServer> {
  declare readonly metrics?: readonly Metric[]
}

/** Binds Server to a connection; its table is the one that the migrations make. */
export const initServer = (sequelize: Sequelize): void => {
  const { TEXT: text, INTEGER: integer, REAL: real } = DataTypes
  Server.init(serverColumns<DataType>({ text, integer, counter: integer, real, time: Timestamp }), {
    sequelize,
    modelName: 'server',
    tableName: 'servers',
    createdAt: 'created_at',
    updatedAt: 'updated_at',
  })
}
