-- All readings; those of a sensor go with it.

-- migrate:up
CREATE TABLE readings (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sensor TEXT NOT NULL REFERENCES sensors (id) ON DELETE CASCADE,
  celsius REAL NOT NULL CHECK (celsius BETWEEN -273.15 AND 1000),
  read_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_readings_sensor_read_at ON readings (sensor, read_at);
CREATE TRIGGER readings_newest AFTER INSERT ON readings BEGIN
  UPDATE sensors SET celsius = new.celsius, read_at = new.read_at
  WHERE id = new.sensor AND (read_at IS NULL OR read_at <= new.read_at);
END;

-- migrate:down
DROP TABLE readings;
