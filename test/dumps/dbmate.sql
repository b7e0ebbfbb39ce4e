-- dbmate 2.36.0, from npm, by npm run dumps
CREATE TABLE "schema_migrations" (version varchar(128) primary key);
CREATE TABLE servers (
  id text PRIMARY KEY,
  hostname text NOT NULL,
  display_name text,
  ip_address text,
  status text DEFAULT 'unknown',
  os_distribution text,
  os_version text,
  kernel_version text,
  architecture text,
  tdp_watts integer,
  last_seen timestamp,
  created_at timestamp DEFAULT current_timestamp,
  updated_at timestamp DEFAULT current_timestamp
);
CREATE TABLE metrics (
  id integer primary key autoincrement,
  server_id text NOT NULL REFERENCES servers (id),
  timestamp timestamp NOT NULL,
  cpu_percent real,
  memory_percent real,
  disk_percent real,
  disk_total_gb real,
  disk_used_gb real,
  load_1m real,
  load_5m real,
  load_15m real,
  memory_total_mb integer,
  memory_used_mb integer,
  network_rx_bytes integer,
  network_tx_bytes integer,
  uptime_seconds integer
);
CREATE INDEX idx_metrics_server_timestamp ON metrics (server_id, timestamp);
CREATE TABLE alerts (
  id integer primary key autoincrement,
  server_id text NOT NULL REFERENCES servers (id),
  is_enabled boolean not null default true,
  threshold integer not null default 22,
  severity text not null default 'info' check (severity in ('info', 'warning', 'critical'))
);
INSERT INTO "schema_migrations" VALUES ('20260101000000');
