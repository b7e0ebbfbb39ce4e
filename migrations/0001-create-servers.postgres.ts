import { DataTypes, Sequelize } from 'sequelize'
import type { Migration } from '../src/migrations/load.ts'

const now = Sequelize.literal('CURRENT_TIMESTAMP')

/** The machines the hub watches. */
export const up: Migration = async ({ context: schema }) => {
  await schema.createTable('servers', {
    id: { type: DataTypes.TEXT, primaryKey: true },
    hostname: { type: DataTypes.TEXT, allowNull: false },
    display_name: DataTypes.TEXT,
    ip_address: DataTypes.TEXT,
    status: { type: DataTypes.TEXT, defaultValue: 'unknown' },
    os_distribution: DataTypes.TEXT,
    os_version: DataTypes.TEXT,
    kernel_version: DataTypes.TEXT,
    architecture: DataTypes.TEXT,
    tdp_watts: DataTypes.INTEGER,
    last_seen: 'TIMESTAMPTZ',
    created_at: { type: 'TIMESTAMPTZ', defaultValue: now },
    updated_at: { type: 'TIMESTAMPTZ', defaultValue: now },
  })
}

export const down: Migration = async ({ context: schema }) => {
  await schema.dropTable('servers')
}
