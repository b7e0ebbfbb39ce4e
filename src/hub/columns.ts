import { toDate } from '../sqlite/bridge/times.ts'

/** The data types of one Sequelize version; `counter` holds whole numbers up to 2^63-1. */
type Types<Type> = Readonly<{ text: Type; integer: Type; counter: Type; real: Type; time: Type }>

/** What a getter needs of a model instance of either Sequelize version. */
type Instance = { getDataValue(name: string): unknown }

/** The options of both models, for `Model.init` of either Sequelize. */
export const serverTable = {
  modelName: 'server',
  tableName: 'servers',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
} as const
export const metricTable = { modelName: 'metric', tableName: 'metrics', timestamps: false } as const

/** What the migrations make around the columns, so that the models say the same: `migrator verify --models` compares them. */
export const metricIndexes = () => [{ name: 'idx_metrics_server_timestamp', fields: ['server_id', 'timestamp'] }]
export const metricKeyActions = { onDelete: 'NO ACTION', onUpdate: 'NO ACTION' } as const

/** The columns of `servers`, for `Model.init` of either Sequelize. A new object per call, because Sequelize writes into it. */
export const serverColumns = <Type>({ text, integer, time }: Types<Type>) => ({
  id: { type: text, primaryKey: true },
  hostname: { type: text, allowNull: false },
  display_name: { type: text },
  ip_address: { type: text },
  status: { type: text, defaultValue: 'unknown' },
  os_distribution: { type: text },
  os_version: { type: text },
  kernel_version: { type: text },
  architecture: { type: text },
  tdp_watts: whole(integer),
  last_seen: timestamp(time, 'last_seen'),
  created_at: timestamp(time, 'created_at'),
  updated_at: timestamp(time, 'updated_at'),
  os_info: {
    type: text,
    get(this: Instance): OsInfo | null {
      const json = this.getDataValue('os_info')
      return typeof json === 'string' ? JSON.parse(json) : null
    },
    set(): never {
      throw new TypeError('os_info is computed from os_distribution, os_version, kernel_version and architecture')
    },
  },
})

/** The columns of `metrics`, for `Model.init` of either Sequelize. A new object per call. */
export const metricColumns = <Type>({ text, integer, counter, real, time }: Types<Type>) => ({
  id: { type: integer, primaryKey: true, autoIncrement: true },
  server_id: { type: text, allowNull: false },
  timestamp: { ...timestamp(time, 'timestamp'), allowNull: false },
  cpu_percent: fraction(real),
  memory_percent: fraction(real),
  memory_total_mb: whole(integer),
  memory_used_mb: whole(integer),
  disk_percent: fraction(real),
  disk_total_gb: fraction(real),
  disk_used_gb: fraction(real),
  network_rx_bytes: whole(counter),
  network_tx_bytes: whole(counter),
  load_1m: fraction(real),
  load_5m: fraction(real),
  load_15m: fraction(real),
  uptime_seconds: whole(counter),
})

/** SQLite would store text in a numeric column; these validators refuse it. */
const whole = <Type>(type: Type) => ({ type, validate: { isInt: true } })
const fraction = <Type>(type: Type) => ({ type, validate: { isFloat: true } })

/**
 * A point in time in a column declared TIMESTAMP: UTC text, `2026-01-18 10:00:00` with or without milliseconds and offset.
 * Sequelize parses only columns declared DATETIME, so a getter makes the Date.
 */
const timestamp = <Type>(type: Type, name: string) => ({
  type,
  get(this: Instance): Date | null {
    return toDate(this.getDataValue(name))
  },
})

/** A server's operating system, computed by the database from four columns. */
export type OsInfo = Readonly<{
  distribution: string | null
  version: string | null
  kernel: string | null
  architecture: string | null
}>

/** A counter up to 2^63-1: a number below 2^53, a string of digits from there on, so nothing is rounded. */
export type Counter = number | string

/** A machine the hub watches. */
export type ServerRow = {
  id: string
  hostname: string
  display_name: string | null
  ip_address: string | null
  status: 'online' | 'offline' | 'unknown'
  os_distribution: string | null
  os_version: string | null
  kernel_version: string | null
  architecture: string | null
  tdp_watts: number | null
  last_seen: Date | null
  created_at: Date
  updated_at: Date
  /** as the database computed it when the row was read; null after `create` in Sequelize 6, which reads nothing back */
  readonly os_info: OsInfo | null
}

/** A new server; the database has defaults for what is left out. */
export type NewServer = Pick<ServerRow, 'id' | 'hostname'> & Partial<Omit<ServerRow, 'id' | 'hostname' | 'os_info'>>

/** What a server reported at one moment. */
export type MetricRow = {
  id: number
  server_id: string
  timestamp: Date
  cpu_percent: number | null
  memory_percent: number | null
  memory_total_mb: number | null
  memory_used_mb: number | null
  disk_percent: number | null
  disk_total_gb: number | null
  disk_used_gb: number | null
  network_rx_bytes: Counter | null
  network_tx_bytes: Counter | null
  load_1m: number | null
  load_5m: number | null
  load_15m: number | null
  uptime_seconds: Counter | null
}

/** A new metric; what was not measured is null. */
export type NewMetric = Pick<MetricRow, 'server_id' | 'timestamp'> & Partial<Omit<MetricRow, 'server_id' | 'timestamp'>>
