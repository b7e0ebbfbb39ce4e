-- Sensors of the house, each with its newest reading.

-- migrate:up
CREATE TABLE sensors (
  id TEXT PRIMARY KEY,
  room TEXT NOT NULL DEFAULT 'unknown',
  celsius REAL,
  read_at TIMESTAMP
);

-- migrate:down
DROP TABLE sensors;
