CREATE TABLE SequelizeMeta (name TEXT NOT NULL PRIMARY KEY, checksum TEXT, applied_at TEXT, duration_ms INTEGER, migrator TEXT);
CREATE TABLE `servers` (`id` TEXT PRIMARY KEY, `hostname` TEXT NOT NULL, `display_name` TEXT, `ip_address` TEXT, `status` TEXT DEFAULT 'unknown', `os_distribution` TEXT, `os_version` TEXT, `kernel_version` TEXT, `architecture` TEXT, `tdp_watts` INTEGER, `last_seen` TIMESTAMP, `created_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, `updated_at` TIMESTAMP DEFAULT CURRENT_TIMESTAMP, os_info TEXT GENERATED ALWAYS AS (
      json_object(
        'distribution', os_distribution, 'version', os_version, 'kernel', kernel_version, 'architecture', architecture
      )
    ) VIRTUAL);
CREATE TABLE `metrics` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `server_id` TEXT NOT NULL REFERENCES `servers` (`id`), `timestamp` TIMESTAMP NOT NULL, `cpu_percent` REAL, `memory_percent` REAL, `memory_total_mb` INTEGER, `memory_used_mb` INTEGER, `disk_percent` REAL, `disk_total_gb` REAL, `disk_used_gb` REAL, `network_rx_bytes` INTEGER, `network_tx_bytes` INTEGER, `load_1m` REAL, `load_5m` REAL, `load_15m` REAL, `uptime_seconds` INTEGER);
CREATE INDEX `idx_metrics_server_timestamp` ON `metrics` (`server_id`, `timestamp`);
