-- goose 3.5.3, built from its sources, found on the PATH, by npm run dumps
CREATE TABLE goose_db_version (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                version_id INTEGER NOT NULL,
                is_applied INTEGER NOT NULL,
                tstamp TIMESTAMP DEFAULT (datetime('now'))
            );
CREATE TABLE "servers" (
  "id" TEXT PRIMARY KEY,
  "hostname" TEXT NOT NULL,
  "display_name" TEXT,
  "ip_address" TEXT,
  "status" TEXT DEFAULT 'unknown',
  "os_distribution" TEXT,
  "os_version" TEXT,
  "kernel_version" TEXT,
  "architecture" TEXT,
  "tdp_watts" BIGINT,
  "last_seen" DATETIME,
  "created_at" DATETIME DEFAULT CURRENT_TIMESTAMP,
  "updated_at" DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "metrics" (
  "id" INTEGER PRIMARY KEY,
  "server_id" TEXT NOT NULL REFERENCES "servers" ("id"),
  "timestamp" DATETIME NOT NULL,
  "cpu_percent" DOUBLE PRECISION,
  "memory_percent" DOUBLE PRECISION,
  "disk_percent" DOUBLE PRECISION,
  "disk_total_gb" DOUBLE PRECISION,
  "disk_used_gb" DOUBLE PRECISION,
  "load_1m" DOUBLE PRECISION,
  "load_5m" DOUBLE PRECISION,
  "load_15m" DOUBLE PRECISION,
  "memory_total_mb" BIGINT,
  "memory_used_mb" BIGINT,
  "network_rx_bytes" BIGINT,
  "network_tx_bytes" BIGINT,
  "uptime_seconds" BIGINT
);
CREATE INDEX "idx_metrics_server_timestamp" ON "metrics" ("server_id", "timestamp");
CREATE TABLE "alerts" (
  "id" INTEGER PRIMARY KEY,
  "server_id" TEXT NOT NULL REFERENCES "servers" ("id"),
  "is_enabled" BOOLEAN NOT NULL DEFAULT 1 CHECK ("is_enabled" IN (0, 1)),
  "threshold" INT NOT NULL DEFAULT '22',
  "severity" TEXT NOT NULL DEFAULT 'info' CHECK ("severity" IN ('info', 'warning', 'critical'))
);
INSERT INTO "goose_db_version" VALUES (1, 0, 1, '2026-11-26 09:14:05');
INSERT INTO "goose_db_version" VALUES (2, 20260101000000, 1, '2026-11-26 09:14:05');
