import { type DataType, DataTypes, Model, type Sequelize } from '@sequelize/core'
import { metricColumns } from '../columns.ts'
import type { MetricRow, NewMetric } from '../rows.ts'
import type { Server } from './server.ts'
import { Timestamp } from './timestamp.ts'

export interface Metric extends MetricRow {}

/** What a server reported at one moment. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: Sequelize defines the columns of the row on the class
export class Metric extends Model<MetricRow, NewMetric> {
  declare readonly server?: Server
}

/** Binds Metric to a connection; its table is the one that the migrations make. */
export const initMetric = (sequelize: Sequelize): void => {
  const { TEXT: text, INTEGER: integer, REAL: real } = DataTypes
  Metric.init(metricColumns<DataType>({ text, integer, counter: integer, real, time: Timestamp }), {
    sequelize,
    modelName: 'metric',
    tableName: 'metrics',
    timestamps: false,
  })
}
