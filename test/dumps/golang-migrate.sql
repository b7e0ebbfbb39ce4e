-- golang-migrate 4.15.2, built from its sources, found on the PATH, by npm run dumps
CREATE TABLE schema_migrations (version uint64,dirty bool);
CREATE UNIQUE INDEX version_unique ON schema_migrations (version);
CREATE TABLE `servers` (
  `id` VARCHAR(255) PRIMARY KEY,
  `hostname` VARCHAR(255) NOT NULL,
  `display_name` VARCHAR(255),
  `ip_address` VARCHAR(255),
  `status` VARCHAR(255) DEFAULT 'unknown',
  `os_distribution` VARCHAR(255),
  `os_version` VARCHAR(255),
  `kernel_version` VARCHAR(255),
  `architecture` VARCHAR(255),
  `tdp_watts` INT,
  `last_seen` TIMESTAMP,
  `created_at` TIMESTAMP DEFAULT (CURRENT_TIMESTAMP),
  `updated_at` TIMESTAMP DEFAULT (CURRENT_TIMESTAMP)
);
CREATE TABLE `metrics` (
  `id` INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  `server_id` VARCHAR(255) NOT NULL REFERENCES `servers` (`id`),
  `timestamp` TIMESTAMP NOT NULL,
  `cpu_percent` FLOAT,
  `memory_percent` FLOAT,
  `disk_percent` FLOAT,
  `disk_total_gb` FLOAT,
  `disk_used_gb` FLOAT,
  `load_1m` FLOAT,
  `load_5m` FLOAT,
  `load_15m` FLOAT,
  `memory_total_mb` INT,
  `memory_used_mb` INT,
  `network_rx_bytes` INT,
  `network_tx_bytes` INT,
  `uptime_seconds` INT
);
CREATE INDEX `idx_metrics_server_timestamp` ON `metrics` (`server_id`, `timestamp`);
CREATE TABLE `alerts` (
  `id` INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  `server_id` VARCHAR(255) NOT NULL REFERENCES `servers` (`id`),
  `is_enabled` TINYINT(1) NOT NULL DEFAULT '1',
  `threshold` INTEGER NOT NULL DEFAULT (22),
  `severity` VARCHAR(20) NOT NULL DEFAULT "info"
);
INSERT INTO "schema_migrations" VALUES (1, 0);
