import type { Sequelize } from '@sequelize/core'
import { initMetric, Metric } from './metric.ts'
import { initServer, Server } from './server.ts'

/** `homelab-migrator/models/v7` is this file. */
export type { Counter, MetricRow, NewMetric, NewServer, OsInfo, ServerRow } from '../rows.ts'
export { Metric, Server }

/** Binds both models to a connection and to each other: a server has `metrics`, a metric has its `server`. Once in a process. */
export const initModels = (sequelize: Sequelize): void => {
  initServer(sequelize)
  initMetric(sequelize)
  // the other way comes with it: in version 7 each association is defined once
  Server.hasMany(Metric, { foreignKey: 'server_id', as: 'metrics', inverse: { as: 'server' } })
}
