/** A server's system, computed by the database from four columns. */
export type OsInfo = Readonly<{
  distribution: string | null
  version: string | null
  kernel: string | null
  architecture: string | null
}>

/** A counter up to 2^63-1: a number, or from 2^53 on a string of digits, so that nothing is rounded. */
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
  /** as the database computed it when this was read; after `create` that is null in Sequelize 6, which reads nothing back */
  readonly os_info: OsInfo | null
}

/** What a new server needs; the database has defaults for the rest. */
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

/** What a new metric needs; what was not measured is null. */
export type NewMetric = Pick<MetricRow, 'server_id' | 'timestamp'> & Partial<Omit<MetricRow, 'server_id' | 'timestamp'>>
