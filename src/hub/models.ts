import { type DataType, DataTypes, Model, type Sequelize } from 'sequelize'
import { toText } from '../sqlite/bridge/times.ts'
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

/** The export `homelab-migrator/models`. */
export type { Counter, MetricRow, NewMetric, NewServer, OsInfo, ServerRow } from './columns.ts'

/** Binds both models to a connection and to each other: a server has `metrics`, a metric has its `server`. */
export const initModels = (sequelize: Sequelize): void => {
  initServer(sequelize)
  initMetric(sequelize)
  Server.hasMany(Metric, { foreignKey: 'server_id', as: 'metrics', ...metricKeyActions })
  Metric.belongsTo(Server, { foreignKey: 'server_id', as: 'server', ...metricKeyActions })
}

export interface Metric extends MetricRow {}

/** What a server reported at one moment. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: Sequelize defines the columns of the row on the class
export class Metric extends Model<MetricRow, NewMetric> {
  declare readonly server?: Server
}

/** The data type of a time column: on a server Sequelize's own, which writes an offset; in a file a text of one form. */
const timeOf = (sequelize: Sequelize): DataType =>
  sequelize.getDialect() === 'postgres' ? DataTypes.DATE : createTimestamp()

/** Binds Metric to a connection and to the `metrics` table that the migrations make. */
export const initMetric = (sequelize: Sequelize): void => {
  const { TEXT: text, INTEGER: integer, BIGINT: counter, REAL: real } = DataTypes
  Metric.init(metricColumns<DataType>({ text, integer, counter, real, time: timeOf(sequelize) }), {
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
  const { TEXT: text, INTEGER: integer, BIGINT: counter, REAL: real } = DataTypes
  Server.init(serverColumns<DataType>({ text, integer, counter, real, time: timeOf(sequelize) }), {
    sequelize,
    ...serverTable,
  })
}

/**
 * The data type of a time column in a file: each time has one fixed text. Sequelize 6 uses a type with an unknown key as it is, and DATE
 * makes its text in `_stringify`.
 */
export const createTimestamp = () => Object.assign(new DataTypes.DATE(), { key: 'TIMESTAMP', _stringify: toText })
