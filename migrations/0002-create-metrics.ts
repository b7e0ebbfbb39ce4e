import { DataTypes } from 'sequelize'
import type { Migration } from '../src/migrations/load.ts'

/** What a server reported at one moment. */
export const up: Migration = async ({ context: schema }) => {
  await schema.createTable('metrics', {
    id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
    server_id: { type: DataTypes.TEXT, allowNull: false, references: { model: 'servers', key: 'id' } },
    timestamp: { type: 'TIMESTAMP', allowNull: false },
    cpu_percent: DataTypes.REAL,
    memory_percent: DataTypes.REAL,
    memory_total_mb: DataTypes.INTEGER,
    memory_used_mb: DataTypes.INTEGER,
    disk_percent: DataTypes.REAL,
    disk_total_gb: DataTypes.REAL,
    disk_used_gb: DataTypes.REAL,
    network_rx_bytes: DataTypes.INTEGER,
    network_tx_bytes: DataTypes.INTEGER,
    load_1m: DataTypes.REAL,
    load_5m: DataTypes.REAL,
    load_15m: DataTypes.REAL,
    uptime_seconds: DataTypes.INTEGER,
  })
  await schema.addIndex('metrics', ['server_id', 'timestamp'], { name: 'idx_metrics_server_timestamp' })
}

export const down: Migration = async ({ context: schema }) => {
  await schema.dropTable('metrics')
}
