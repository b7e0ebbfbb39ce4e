import { type DataType, DataTypes, Model, type Sequelize } from '@sequelize/core'
import { toDate, toText } from '../sqlite/bridge/times.ts'
import {
  type MetricRow,
  metricColumns,
  metricIndexes,
  metricKeyActions,
  metricTable,
  type NewMetric,
  type NewServer,
  type ServerRow,
  serverColumns,
  serverTable,
} from './columns.ts'

/** The export `homelab-migrator/models/v7`. */
export type { Counter, MetricRow, NewMetric, NewServer, OsInfo, ServerRow } from './columns.ts'

/** Binds both models to a connection and to each other: a server has `metrics`, a metric has its `server`. Call once per process. */
export const initModels = (sequelize: Sequelize): void => {
  initServer(sequelize)
  initMetric(sequelize)
  // `inverse` defines Metric.belongsTo(Server) too: version 7 allows each association only once
  Server.hasMany(Metric, {
    foreignKey: { name: 'server_id', ...metricKeyActions },
    as: 'metrics',
    inverse: { as: 'server' },
  })
}

/** A server's time has an offset; in a file it is a text of one form. INTEGER holds 64 bits there, and takes their digits. */
const typesOf = (sequelize: Sequelize) => {
  // Sequelize 7 warns of REAL; DOUBLE is what the migrations make, which a file calls REAL
  const { TEXT: text, INTEGER: integer, DOUBLE: real } = DataTypes
  const time = sequelize.dialect.name === 'postgres' ? DataTypes.DATE : Timestamp
  return { text, integer, counter: integer, real, time }
}

export interface Metric extends MetricRow {}

/** What a server reported at one moment. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: Sequelize defines the columns of the row on the class
export class Metric extends Model<MetricRow, NewMetric> {
  declare readonly server?: Server
}

/** Binds Metric to a connection and to the `metrics` table that the migrations make. */
export const initMetric = (sequelize: Sequelize): void => {
  Metric.init(metricColumns<DataType>(typesOf(sequelize)), {
    sequelize,
    ...metricTable,
    indexes: metricIndexes(),
  })
}

export interface Server extends ServerRow {}

/** A machine the hub watches. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: Sequelize defines the columns of the row on the class
export class Server extends Model<ServerRow, NewServer> {
  declare readonly metrics?: readonly Metric[]
}

/** Binds Server to a connection and to the `servers` table that the migrations make. */
export const initServer = (sequelize: Sequelize): void => {
  Server.init(serverColumns<DataType>(typesOf(sequelize)), {
    sequelize,
    ...serverTable,
  })
}

/** Writes each time as one fixed text, and reads text without an offset as UTC; Sequelize 7 would read it as local time. */
export class Timestamp extends DataTypes.DATE {
  static override getDataTypeId(): string {
    return 'TIMESTAMP'
  }

  override toBindableValue(value: unknown): string {
    return toText(value)
  }

  override parseDatabaseValue(value: unknown): Date | null {
    return toDate(value)
  }
}
