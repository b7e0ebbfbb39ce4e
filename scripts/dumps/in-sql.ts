import { hubSql } from './hub.ts'
import type { Project } from './projects.ts'

const plain = hubSql({
  text: 'text',
  real: 'real',
  integer: 'integer',
  time: 'timestamp',
  now: 'current_timestamp',
  id: 'integer primary key autoincrement',
  quote: name => name,
  alerts: `  is_enabled boolean not null default true,
  threshold integer not null default 22,
  severity text not null default 'info' check (severity in ('info', 'warning', 'critical'))`,
})

const quoted = hubSql({
  text: 'TEXT',
  real: 'DOUBLE PRECISION',
  integer: 'BIGINT',
  time: 'DATETIME',
  now: 'CURRENT_TIMESTAMP',
  id: 'INTEGER PRIMARY KEY',
  quote: name => `"${name}"`,
  alerts: `  "is_enabled" BOOLEAN NOT NULL DEFAULT 1 CHECK ("is_enabled" IN (0, 1)),
  "threshold" INT NOT NULL DEFAULT '22',
  "severity" TEXT NOT NULL DEFAULT 'info' CHECK ("severity" IN ('info', 'warning', 'critical'))`,
})

const backticked = hubSql({
  text: 'VARCHAR(255)',
  real: 'FLOAT',
  integer: 'INT',
  time: 'TIMESTAMP',
  now: '(CURRENT_TIMESTAMP)',
  id: 'INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT',
  quote: name => `\`${name}\``,
  alerts: `  \`is_enabled\` TINYINT(1) NOT NULL DEFAULT '1',
  \`threshold\` INTEGER NOT NULL DEFAULT (22),
  \`severity\` VARCHAR(20) NOT NULL DEFAULT "info"`,
})

const capitals = hubSql({
  text: 'VARCHAR(100)',
  real: 'DOUBLE',
  integer: 'INTEGER',
  time: 'TIMESTAMP',
  now: 'CURRENT_TIMESTAMP',
  id: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  quote: name => name.toUpperCase(),
  alerts: `  IS_ENABLED BOOLEAN NOT NULL DEFAULT TRUE,
  THRESHOLD INTEGER NOT NULL DEFAULT 22,
  SEVERITY VARCHAR(10) NOT NULL DEFAULT 'info',
  CONSTRAINT CK_SEVERITY CHECK (SEVERITY IN ('info', 'warning', 'critical'))`,
})

/** Tools whose migrations are SQL. Those of Go and Flyway are taken from the PATH, or built by Go from its module proxy. */
export const inSql: readonly Project[] = [
  {
    tool: 'dbmate',
    from: { npm: ['dbmate'] },
    commands: [['dbmate', '--url=sqlite:hub.db', '--no-dump-schema', 'up']],
    version: ['dbmate', '--version'],
    files: { 'db/migrations/20260101000000_create_hub.sql': `-- migrate:up\n${plain}\n-- migrate:down\n` },
  },
  {
    tool: 'goose',
    from: { go: 'github.com/pressly/goose/v3/cmd/goose@latest' },
    commands: [['goose', '-dir', 'migrations', 'sqlite3', 'hub.db', 'up']],
    version: ['goose', '-version'],
    files: { 'migrations/20260101000000_create_hub.sql': `-- +goose Up\n${quoted}\n-- +goose Down\n` },
  },
  {
    tool: 'golang-migrate',
    from: { go: 'github.com/golang-migrate/migrate/v4/cmd/migrate@latest', tags: 'sqlite3' },
    commands: [['migrate', '-source', 'file://migrations', '-database', 'sqlite3://hub.db', 'up']],
    version: ['migrate', '-version'],
    files: { 'migrations/000001_create_hub.up.sql': backticked },
  },
  {
    tool: 'flyway',
    // its distribution needs a JVM and is in no registry of npm, Debian, PyPI or Go
    from: {},
    commands: [['flyway', '-url=jdbc:sqlite:hub.db', '-locations=filesystem:migrations', 'migrate']],
    version: ['flyway', '-v'],
    files: { 'migrations/V1__create_hub.sql': capitals },
  },
]
