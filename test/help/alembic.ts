import { join } from 'node:path'
import Database from 'better-sqlite3'

/** What Alembic's revision 2e6e20f4bc94 makes with SQLAlchemy 2 on SQLite. */
export const alembicSql = `
CREATE TABLE servers (
	id VARCHAR(100) NOT NULL,
	hostname VARCHAR(255) NOT NULL,
	display_name VARCHAR(255),
	ip_address VARCHAR(45),
	status VARCHAR(20) NOT NULL,
	os_distribution VARCHAR(100),
	os_version VARCHAR(100),
	kernel_version VARCHAR(100),
	architecture VARCHAR(20),
	tdp_watts INTEGER,
	last_seen DATETIME,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	PRIMARY KEY (id)
);
CREATE TABLE metrics (
	id INTEGER NOT NULL,
	server_id VARCHAR(100) NOT NULL,
	timestamp DATETIME NOT NULL,
	cpu_percent FLOAT,
	memory_percent FLOAT,
	memory_total_mb INTEGER,
	memory_used_mb INTEGER,
	disk_percent FLOAT,
	disk_total_gb FLOAT,
	disk_used_gb FLOAT,
	network_rx_bytes BIGINT,
	network_tx_bytes BIGINT,
	load_1m FLOAT,
	load_5m FLOAT,
	load_15m FLOAT,
	uptime_seconds INTEGER,
	PRIMARY KEY (id),
	FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE
);
CREATE INDEX idx_metrics_server_timestamp ON metrics (server_id, timestamp);
CREATE INDEX ix_metrics_server_id ON metrics (server_id);
CREATE INDEX ix_metrics_timestamp ON metrics (timestamp);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('2e6e20f4bc94');`

/** Rows as SQLAlchemy writes them: times with six digits of a second. */
export const alembicRows = `
INSERT INTO servers (id, hostname, status, os_version, created_at, updated_at)
  VALUES ('omv', 'omv.lan', 'online', '7.1', '2026-01-18 10:00:00.000000', '2026-01-18 10:00:00.250000');
INSERT INTO metrics (server_id, timestamp, cpu_percent, network_rx_bytes)
  VALUES ('omv', '2026-01-18 10:00:00.000000', 12.5, 1152921504606846976), ('omv', '2026-01-18 10:01:00.000000', 13, 1);`

/** Makes the database of a test's folder out of SQL. @returns its path */
export const makeDatabase = (folder: string, sql: string): string => {
  const file = join(folder, 'homelab.db')
  const connection = new Database(file)
  // as the tools do whose databases are adopted; and a schema may be written to by hand
  connection.pragma('foreign_keys = OFF')
  connection.unsafeMode(true)
  connection.exec(sql)
  connection.close()
  return file
}
