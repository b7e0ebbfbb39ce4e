-- prisma 6.19.3, from npm, by npm run dumps
CREATE TABLE "_prisma_migrations" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
);
CREATE TABLE "servers" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "hostname" TEXT NOT NULL,
    "display_name" TEXT,
    "ip_address" TEXT,
    "status" TEXT DEFAULT 'unknown',
    "os_distribution" TEXT,
    "os_version" TEXT,
    "kernel_version" TEXT,
    "architecture" TEXT,
    "tdp_watts" INTEGER,
    "last_seen" DATETIME,
    "created_at" DATETIME DEFAULT CURRENT_TIMESTAMP,
    "updated_at" DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE "metrics" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "server_id" TEXT NOT NULL,
    "timestamp" DATETIME NOT NULL,
    "cpu_percent" REAL,
    "memory_percent" REAL,
    "disk_percent" REAL,
    "disk_total_gb" REAL,
    "disk_used_gb" REAL,
    "load_1m" REAL,
    "load_5m" REAL,
    "load_15m" REAL,
    "memory_total_mb" BIGINT,
    "memory_used_mb" BIGINT,
    "network_rx_bytes" BIGINT,
    "network_tx_bytes" BIGINT,
    "uptime_seconds" BIGINT,
    CONSTRAINT "metrics_server_id_fkey" FOREIGN KEY ("server_id") REFERENCES "servers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE TABLE "alerts" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "server_id" TEXT NOT NULL,
    "is_enabled" BOOLEAN NOT NULL DEFAULT true,
    "threshold" INTEGER NOT NULL DEFAULT 22,
    "severity" TEXT NOT NULL DEFAULT 'info',
    CONSTRAINT "alerts_server_id_fkey" FOREIGN KEY ("server_id") REFERENCES "servers" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);
CREATE INDEX "idx_metrics_server_timestamp" ON "metrics"("server_id", "timestamp");
INSERT INTO "_prisma_migrations" VALUES ('4c578e4b-5943-4fb9-ac60-2b43d8c0ccca', '4ba34e27633e2b990e4cdceaf990d8263b359468f0439dc0b9efb788537ceee5', '2026-11-26T09:15:47.221+00:00', '20260101000000_create_hub', NULL, NULL, '2026-11-26T09:15:47.042+00:00', 1);
