// `npm run docs` writes this file (scripts/compile.ts).
import type { Compiled } from './compiled.ts'
export const migrations: readonly Compiled[] = [
  {
    name: '0001-create-servers',
    checksum: 'sha256:c50d509b884fd3cd23a5447811a0e3d2644e25a2164c239fd9b00c3ca526f055',
    sql: "CREATE TABLE IF NOT EXISTS `servers` (`id` TEXT PRIMARY KEY, `hostname` TEXT NOT NULL, `display_name` TEXT, `ip_address` TEXT, `status` TEXT DEFAULT 'unknown', `os_distribution` TEXT, `os_version` TEXT, `kernel_version` TEXT, `architecture` TEXT, `tdp_watts` INTEGER, `last_seen` TIMESTAMP, `created_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, `updated_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP);",
    objects: {
      servers:
        "CREATE TABLE `servers` (`id` TEXT PRIMARY KEY, `hostname` TEXT NOT NULL, `display_name` TEXT, `ip_address` TEXT, `status` TEXT DEFAULT 'unknown', `os_distribution` TEXT, `os_version` TEXT, `kernel_version` TEXT, `architecture` TEXT, `tdp_watts` INTEGER, `last_seen` TIMESTAMP, `created_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, `updated_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP)",
    },
  },
  {
    name: '0002-create-metrics',
    checksum: 'sha256:216dffef2b98e34df05396e8797c5d664fc1748f92da0f23c7a6d85dc1364f3f',
    sql: 'CREATE TABLE IF NOT EXISTS `metrics` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `server_id` TEXT NOT NULL REFERENCES `servers` (`id`), `timestamp` TIMESTAMP NOT NULL, `cpu_percent` REAL, `memory_percent` REAL, `memory_total_mb` INTEGER, `memory_used_mb` INTEGER, `disk_percent` REAL, `disk_total_gb` REAL, `disk_used_gb` REAL, `network_rx_bytes` INTEGER, `network_tx_bytes` INTEGER, `load_1m` REAL, `load_5m` REAL, `load_15m` REAL, `uptime_seconds` INTEGER);\nCREATE INDEX `idx_metrics_server_timestamp` ON `metrics` (`server_id`, `timestamp`);',
    objects: {
      idx_metrics_server_timestamp:
        'CREATE INDEX `idx_metrics_server_timestamp` ON `metrics` (`server_id`, `timestamp`)',
      metrics:
        'CREATE TABLE `metrics` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `server_id` TEXT NOT NULL REFERENCES `servers` (`id`), `timestamp` TIMESTAMP NOT NULL, `cpu_percent` REAL, `memory_percent` REAL, `memory_total_mb` INTEGER, `memory_used_mb` INTEGER, `disk_percent` REAL, `disk_total_gb` REAL, `disk_used_gb` REAL, `network_rx_bytes` INTEGER, `network_tx_bytes` INTEGER, `load_1m` REAL, `load_5m` REAL, `load_15m` REAL, `uptime_seconds` INTEGER)',
    },
  },
  {
    name: '0003-add-os-info',
    checksum: 'sha256:a5b7a31b823f838f34ae0bb21a6a8aeedd080054d71fbc9859198061e05ca666',
    sql: "ALTER TABLE servers ADD COLUMN os_info TEXT GENERATED ALWAYS AS (\n      json_object(\n        'distribution', os_distribution, 'version', os_version, 'kernel', kernel_version, 'architecture', architecture\n      )\n    ) VIRTUAL;",
    objects: {
      servers:
        "CREATE TABLE `servers` (`id` TEXT PRIMARY KEY, `hostname` TEXT NOT NULL, `display_name` TEXT, `ip_address` TEXT, `status` TEXT DEFAULT 'unknown', `os_distribution` TEXT, `os_version` TEXT, `kernel_version` TEXT, `architecture` TEXT, `tdp_watts` INTEGER, `last_seen` TIMESTAMP, `created_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, `updated_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, os_info TEXT GENERATED ALWAYS AS (\n      json_object(\n        'distribution', os_distribution, 'version', os_version, 'kernel', kernel_version, 'architecture', architecture\n      )\n    ) VIRTUAL)",
    },
  },
]
