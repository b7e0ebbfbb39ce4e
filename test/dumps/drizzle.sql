-- drizzle 0.31.11, from npm, by npm run dumps
CREATE TABLE "__drizzle_migrations" (
				id SERIAL PRIMARY KEY,
				hash text NOT NULL,
				created_at numeric
			);
CREATE TABLE `alerts` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`server_id` text NOT NULL,
	`is_enabled` integer DEFAULT true NOT NULL,
	`threshold` integer DEFAULT 22 NOT NULL,
	`severity` text DEFAULT 'info' NOT NULL,
	FOREIGN KEY (`server_id`) REFERENCES `servers`(`id`) ON UPDATE no action ON DELETE no action
);
CREATE TABLE `metrics` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`server_id` text NOT NULL,
	`timestamp` text NOT NULL,
	`cpu_percent` real,
	`memory_percent` real,
	`disk_percent` real,
	`disk_total_gb` real,
	`disk_used_gb` real,
	`load_1m` real,
	`load_5m` real,
	`load_15m` real,
	`memory_total_mb` integer,
	`memory_used_mb` integer,
	`network_rx_bytes` integer,
	`network_tx_bytes` integer,
	`uptime_seconds` integer,
	FOREIGN KEY (`server_id`) REFERENCES `servers`(`id`) ON UPDATE no action ON DELETE no action
);
CREATE INDEX `idx_metrics_server_timestamp` ON `metrics` (`server_id`,`timestamp`);
CREATE TABLE `servers` (
	`id` text PRIMARY KEY NOT NULL,
	`hostname` text NOT NULL,
	`display_name` text,
	`ip_address` text,
	`status` text DEFAULT 'unknown',
	`os_distribution` text,
	`os_version` text,
	`kernel_version` text,
	`architecture` text,
	`tdp_watts` integer,
	`last_seen` text,
	`created_at` text DEFAULT CURRENT_TIMESTAMP,
	`updated_at` text DEFAULT (CURRENT_TIMESTAMP)
);
INSERT INTO "__drizzle_migrations" VALUES (NULL, 'c850618b77666051f07daca78d8f6c3d42259c80cc00fd51224a128cc1f30b91', 1795684404824);
