/** What only the documents say of settings and exit codes: a row that is missing here is an error of the types. */
import type { SettingName, settings } from '../src/config.ts'
import type { FailureCode } from '../src/failure.ts'

export const settingWords: Readonly<Record<SettingName, string>> = {
  DATABASE_URL: 'the database file, whose folder is the volume; or a server ([PostgreSQL](postgres.md))',
  DATABASE_PASSWORD_FILE: "a file with a server's password, in place of the one in the URL",
  PGSSLROOTCERT: "certificates in PEM that a server's is checked against",
  MIGRATOR_SCRATCH_URL:
    "where `plan`, `lint`, `verify`, `repair` and `adopt` try migrations for a server; by default in a database that they make beside the hub's, and drop",
  MIGRATOR_MIGRATIONS: 'another folder of migrations',
  MIGRATOR_REQUIRE_MOUNT: 'whether the volume must be a mount; `auto`: inside a container',
  MIGRATOR_READY_FILE: 'where the ready marker is written',
  MIGRATOR_METRICS_FILE: 'where `up` writes metrics of its run for Prometheus ([docs/monitoring.md](monitoring.md))',
  MIGRATOR_LOCK_TIMEOUT: 'how long to wait for another writer',
  MIGRATOR_STATEMENT_LOCK_TIMEOUT:
    "how long a statement waits for a table's lock on a server before the whole run starts again",
  MIGRATOR_BACKUP: 'whether to make backups; `auto`: before pending migrations touch existing data',
  MIGRATOR_BACKUP_KEEP: 'how many backups stay',
  MIGRATOR_CHECK:
    'damage check. `auto`: quick_check when something is pending, when the last writer died, or when the last check is over 7 days old; `always`: integrity_check each time',
  MIGRATOR_LOG_FORMAT:
    'how the log is written: for people, or a JSON object a line; `auto` is an older word for `text`',
  MIGRATOR_LOG_LEVEL: 'the lowest level that is logged',
  MIGRATOR_COMMAND:
    'how you call the migrator, for the commands in hints; the Compose files set it to `docker compose run --rm migrator`',
}

/** The settings that are paths: what they may be, and what they are where nobody sets them, depends on where the program runs. */
export type PathSetting = {
  [Name in SettingName]: (typeof settings)[Name] extends { fallback: unknown } ? never : Name
}[SettingName]

export const pathWords: Readonly<Record<PathSetting, { values: string; fallback: string; example: string }>> = {
  DATABASE_URL: {
    values:
      '`sqlite:PATH`, `sqlite:///ABSOLUTE`, `sqlite:////ABSOLUTE`, `postgres://USER:PASSWORD@HOST:5432/NAME?schema=public&sslmode=prefer`',
    fallback:
      '`sqlite:/app/data/homelab.db` in the image; else `sqlite:data/homelab.db`, in the checkout or, of an installed package, in the working folder',
    example: 'sqlite:data/homelab.db',
  },
  DATABASE_PASSWORD_FILE: { values: 'a path', fallback: 'none', example: '/run/secrets/database-password' },
  PGSSLROOTCERT: { values: 'a path', fallback: "those of Node's", example: '/run/secrets/ca.pem' },
  MIGRATOR_SCRATCH_URL: {
    values: '`postgres://USER:PASSWORD@HOST:5432/NAME`, a clone that may be changed',
    fallback: 'none',
    example: 'postgres://hub:secret@localhost/homelab_clone',
  },
  MIGRATOR_MIGRATIONS: { values: 'a path', fallback: "the image's own", example: 'migrations' },
  MIGRATOR_METRICS_FILE: { values: 'a path', fallback: 'none', example: '/var/lib/node_exporter/homelab.prom' },
  MIGRATOR_READY_FILE: { values: 'a path', fallback: '`.ready` in the volume', example: 'data/.ready' },
  MIGRATOR_COMMAND: {
    values: 'a command',
    fallback: '`migrator`; `npx migrator` where npm runs it',
    example: 'npx migrator',
  },
}

/** When a command ends with the exit code of each failure. */
export const failureWords: Readonly<Record<FailureCode, string>> = {
  BUG: 'unexpected; the only failure with a stack trace',
  CONFIG_INVALID:
    'a setting, a command or a migration file is not valid, a person declined, Node is too old, or the installation is incomplete',
  PENDING: '`status --exit-code` found pending migrations',
  VOLUME_MISSING: 'no data directory, or a file in its place',
  VOLUME_NOT_MOUNTED: 'no mount there',
  DATABASE_UNREACHABLE: 'no server answers',
  NO_SUCH_DATABASE: 'the server has no such database or schema',
  DISK_FULL: 'too little space or inodes, before or during the run; nothing was changed',
  VOLUME_READ_ONLY: 'the volume is mounted read-only',
  VOLUME_NOT_WRITABLE: 'the line says which chown, `user:` or `fsGroup` fixes it',
  DATABASE_READ_ONLY: 'the server is a standby',
  PRIVILEGE_MISSING: 'the line says which GRANT fixes it, or the server does not let the user in',
  FILESYSTEM_UNSUITABLE: 'a network or FUSE filesystem on which locks do not hold',
  SERVER_UNSUITABLE: 'PostgreSQL before 14, or a server whose DDL is not undone with its transaction',
  DATABASE_BUSY: 'another writer held the database past the timeout',
  COMMIT_UNKNOWN: 'the answer to COMMIT was lost, and the server cannot be asked: all of it was done, or nothing',
  NOT_READY: '`wait`, `verify` or a hub saw no true marker',
  SOURCE_CHANGED: '`copy` was a rehearsal: the source was written to meanwhile, and what was copied was rolled back',
  DATABASE_DAMAGED:
    'not a database, malformed, truncated, grown, or missing or emptied though a marker or backup shows that it had data; the hint begins with the command that restores the newest good backup',
  MIGRATION_FAILED: 'a migration threw, lost rows or broke a foreign key; rolled back',
  VALUES_REFUSED:
    '`copy` found values that the target cannot hold, each named by table, row and column; nothing was changed',
  HISTORY_CONFLICT:
    'an applied migration changed or is gone, two have one number, or another program made the database (`adopt`)',
  DATABASE_AHEAD: 'a newer image was here',
  OUT_OF_ORDER: 'a pending migration sorts before an applied one',
  SCHEMA_DRIFT: 'the structure differs from what the migrations make, or rows have no parent (`verify`)',
  DATABASES_DIFFER: '`copy --check` found a difference, or `copy` itself, which then rolled back',
  SIGINT: 'interrupted; rolled back',
  SIGTERM: 'stopped; rolled back',
}
