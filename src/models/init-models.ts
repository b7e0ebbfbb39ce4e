import type { Sequelize } from 'sequelize'
import { initMetric, Metric } from './metric.ts'
import { initServer, Server } from './server.ts'

/** `homelab-migrator/models` is this file. */
export type { Counter, MetricRow, NewMetric, NewServer, OsInfo, ServerRow } from './rows.ts'
export { Metric, Server }

/** Binds both models to a connection and to each other: a server has `metrics`, a metric has its `server`. */
export const initModels = (sequelize: Sequelize): void => {
  initServer(sequelize)
  initMetric(sequelize)
  Server.hasMany(Metric, { foreignKey: 'server_id', as: 'metrics' })
  Metric.belongsTo(Server, { foreignKey: 'server_id', as: 'server' })
}
