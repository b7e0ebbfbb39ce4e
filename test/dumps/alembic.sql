-- alembic 1.20.0, from PyPI, by npm run dumps
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE servers (
	id VARCHAR(100) NOT NULL, 
	hostname VARCHAR(255) NOT NULL, 
	display_name VARCHAR(255), 
	ip_address VARCHAR(255), 
	status VARCHAR(20) DEFAULT 'unknown', 
	os_distribution VARCHAR(100), 
	os_version VARCHAR(100), 
	kernel_version VARCHAR(100), 
	architecture VARCHAR(100), 
	tdp_watts INTEGER, 
	last_seen DATETIME, 
	created_at DATETIME DEFAULT CURRENT_TIMESTAMP, 
	updated_at DATETIME DEFAULT CURRENT_TIMESTAMP, 
	PRIMARY KEY (id)
);
CREATE TABLE metrics (
	id INTEGER NOT NULL, 
	server_id VARCHAR(100) NOT NULL, 
	timestamp DATETIME NOT NULL, 
	cpu_percent FLOAT, 
	memory_percent FLOAT, 
	disk_percent FLOAT, 
	disk_total_gb FLOAT, 
	disk_used_gb FLOAT, 
	load_1m FLOAT, 
	load_5m FLOAT, 
	load_15m FLOAT, 
	memory_total_mb BIGINT, 
	memory_used_mb BIGINT, 
	network_rx_bytes BIGINT, 
	network_tx_bytes BIGINT, 
	uptime_seconds BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(server_id) REFERENCES servers (id) ON DELETE CASCADE
);
CREATE INDEX idx_metrics_server_timestamp ON metrics (server_id, timestamp);
CREATE TABLE alerts (
	id INTEGER NOT NULL, 
	server_id VARCHAR(100) NOT NULL, 
	is_enabled BOOLEAN DEFAULT 1 NOT NULL, 
	threshold INTEGER DEFAULT '22' NOT NULL, 
	severity VARCHAR(8) DEFAULT 'info' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(server_id) REFERENCES servers (id)
);
INSERT INTO "alembic_version" VALUES ('2e6e20f4bc94');
