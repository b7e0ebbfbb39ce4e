-- knex 3.3.0, from npm, by npm run dumps
CREATE TABLE `knex_migrations` (`id` integer not null primary key autoincrement, `name` varchar(255), `batch` integer, `migration_time` datetime);
CREATE TABLE `knex_migrations_lock` (`index` integer not null primary key autoincrement, `is_locked` integer);
CREATE TABLE `servers` (`id` text, `hostname` text not null, `display_name` varchar(255), `ip_address` varchar(255), `status` varchar(255) default 'unknown', `os_distribution` varchar(255), `os_version` varchar(255), `kernel_version` varchar(255), `architecture` varchar(255), `tdp_watts` integer, `last_seen` datetime, `created_at` datetime default CURRENT_TIMESTAMP, `updated_at` datetime default CURRENT_TIMESTAMP, primary key (`id`));
CREATE TABLE `metrics` (`id` integer not null primary key autoincrement, `server_id` text not null, `timestamp` datetime not null, `cpu_percent` float, `memory_percent` float, `disk_percent` float, `disk_total_gb` float, `disk_used_gb` float, `load_1m` float, `load_5m` float, `load_15m` float, `memory_total_mb` bigint, `memory_used_mb` bigint, `network_rx_bytes` bigint, `network_tx_bytes` bigint, `uptime_seconds` bigint, foreign key(`server_id`) references `servers`(`id`));
CREATE INDEX `idx_metrics_server_timestamp` on `metrics` (`server_id`, `timestamp`);
CREATE TABLE `alerts` (`id` integer not null primary key autoincrement, `server_id` text not null, `is_enabled` boolean not null default '1', `threshold` integer not null default '22', `severity` text check (`severity` in ('info', 'warning', 'critical')) not null default 'info', foreign key(`server_id`) references `servers`(`id`));
INSERT INTO "knex_migrations" VALUES (1, '20260101000000_create_hub.js', 1, 1795684086136);
INSERT INTO "knex_migrations_lock" VALUES (1, 0);
