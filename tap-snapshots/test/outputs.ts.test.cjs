/* IMPORTANT
 * This snapshot file is auto-generated, but designed for humans.
 * It should be checked into source control and tracked carefully.
 * Re-generate by setting TAP_SNAPSHOT=1 and running tests.
 * Make sure to inspect the output below.  Do not ignore changes!
 */
'use strict'
exports[`test/outputs.ts > TAP > a changed migration, and what is done about it > text 1`] = `
$ migrator up
applied 0001-create-a in N ms
1 applied in N ms: DATA/homelab.db is at 0001-create-a
=> 0

$ migrator up
error: DATA/homelab.db and the migrations disagree: 0001-create-a was changed after it was applied (HISTORY_CONFLICT)
  Put the old text back, and make the change in a new migration. If both make the same schema, run \`migrator repair 0001-create-a\`.
=> 50

$ migrator status
DATA/homelab.db: 1 applied, 0 pending, ready
SIZE, journal mode wal

  migration  state  applied (UTC)  took  by
  0001-create-a  changed  TIME  N ms  VERSION

HISTORY_CONFLICT: 0001-create-a was changed after it was applied
  Put the old text back, and make the change in a new migration. If both make the same schema, run \`migrator repair 0001-create-a\`.

  table  rows
  SequelizeMeta  1

ready marker of 0001-create-a, written TIME
no backups
=> 0

$ migrator repair 0001-crate-a
error: there is no migration 0001-crate-a in MIGRATIONS (Did you mean 0001-create-a?) (CONFIG_INVALID)
  \`migrator status\` lists the names; leave out the extension. A number or the beginning of a name will do.
=> 2

$ migrator repair 0001-create-a
recorded the present text of 0001-create-a
=> 0

$ migrator up
nothing to apply: DATA/homelab.db is at 0001-create-a
=> 0

`

exports[`test/outputs.ts > TAP > a database that Alembic made is adopted > text 1`] = `
$ migrator status
DATA/homelab.db: 0 applied, 3 pending, not ready
SIZE, journal mode rollback

  migration  state  applied (UTC)  took  by
  0001-create-servers  pending
  0002-create-metrics  pending
  0003-add-os-info  pending

HISTORY_CONFLICT: table alembic_version was made by another program, which left no history of migrations
  To take the database over as it is, run \`migrator adopt\`. Or set DATABASE_URL to another file.

  table  rows
  alembic_version  1
  metrics  2
  servers  1

no ready marker
no backups
=> 0

$ migrator up
error: DATA/homelab.db and the migrations disagree: table alembic_version was made by another program, which left no history of migrations (HISTORY_CONFLICT)
  To take the database over as it is, run \`migrator adopt\`. Or set DATABASE_URL to another file.
=> 50

$ migrator adopt
DATA/homelab.db, made by Alembic 2e6e20f4bc94, is at 0002-create-metrics
tolerated, because another tool made the database:
  table metrics  AUTOINCREMENT  expected yes, found no
  foreign key metrics (server_id) to servers (id)  ON DELETE  expected NO ACTION, found CASCADE
  column servers.id  NULL  expected NULL, found NOT NULL
  column servers.status  NULL  expected NULL, found NOT NULL
  column servers.status  default  expected 'unknown', found nothing
  column servers.created_at  NULL  expected NULL, found NOT NULL
  column servers.created_at  default  expected CURRENT_TIMESTAMP, found nothing
  column servers.updated_at  NULL  expected NULL, found NOT NULL
  column servers.updated_at  default  expected CURRENT_TIMESTAMP, found nothing
for information:
  index ix_metrics_server_id on metrics  extra  (server_id)
  index ix_metrics_timestamp on metrics  extra  (timestamp)
  table alembic_version  extra  version_num
  24 columns  type name  of the same affinity; --json names them
adopted DATA/homelab.db at 0002-create-metrics: run \`migrator up\`
=> 0

$ migrator adopt --json
{"database":"DATA/homelab.db","tool":null,"revision":null,"schema":"0002-create-metrics","recorded":[],"findings":[]}
nothing to adopt in DATA/homelab.db: run \`migrator up\`
=> 0

$ migrator adopt
nothing to adopt in DATA/homelab.db: run \`migrator up\`
=> 0

$ migrator up
backed up SIZE to DATA/backups/homelab--0002-create-metrics-TIME.db in N ms
applied 0003-add-os-info in N ms
1 applied in N ms: DATA/homelab.db is at 0003-add-os-info
=> 0

$ migrator verify
DATA/homelab.db at 0003-add-os-info: sound
  damage  passed
  foreign keys  passed
  history  passed
  structure  passed
  marker  passed
tolerated, because another tool made the database:
  table metrics  AUTOINCREMENT  expected yes, found no
  foreign key metrics (server_id) to servers (id)  ON DELETE  expected NO ACTION, found CASCADE
  column servers.id  NULL  expected NULL, found NOT NULL
  column servers.status  NULL  expected NULL, found NOT NULL
  column servers.status  default  expected 'unknown', found nothing
  column servers.created_at  NULL  expected NULL, found NOT NULL
  column servers.created_at  default  expected CURRENT_TIMESTAMP, found nothing
  column servers.updated_at  NULL  expected NULL, found NOT NULL
  column servers.updated_at  default  expected CURRENT_TIMESTAMP, found nothing
for information:
  index ix_metrics_server_id on metrics  extra  (server_id)
  index ix_metrics_timestamp on metrics  extra  (timestamp)
  table alembic_version  extra  version_num
  24 columns  type name  of the same affinity; --json names them
=> 0

`

exports[`test/outputs.ts > TAP > backups: made, listed and put back > text 1`] = `
$ migrator backups
no backups in DATA/backups
=> 0

$ migrator backup
error: there is no database DATA/homelab.db (CONFIG_INVALID)
  Run \`migrator up\`, which makes it, or check DATABASE_URL.
=> 2

$ migrator up
applied 0001-create-hosts in N ms
1 applied in N ms: DATA/homelab.db is at 0001-create-hosts
=> 0

$ migrator backup
DATA/backups/homelab--0001-create-hosts-TIME.db
backed up SIZE to DATA/backups/homelab--0001-create-hosts-TIME.db in N ms
=> 0

$ migrator backups
1 backup in DATA/backups

  backup  at migration  made (UTC)  size
  homelab--0001-create-hosts-TIME.db  0001-create-hosts  TIME  SIZE
=> 0

$ migrator backups --json
[{"file":"DATA/backups/homelab--0001-create-hosts-TIME.db","schema":"0001-create-hosts","madeAt":"TIME","bytes":N}]
=> 0

$ migrator restore --latest
error: there is no terminal to confirm this on: homelab--0001-create-hosts-TIME.db will replace DATA/homelab.db, which is kept beside it. The hub must be stopped (CONFIG_INVALID)
  Add --yes to do it without a question.
=> 2

$ migrator restore --latest --yes
restored DATA/homelab.db from DATA/backups/homelab--0001-create-hosts-TIME.db; what was there is DATA/homelab.db.replaced-TIME
=> 0

$ migrator up
error: DATA/homelab.db is not a SQLite database (DATABASE_DAMAGED)
  With the hub stopped, run \`migrator restore --yes homelab--0001-create-hosts-TIME.db\`, which brings back the newest good backup, of TIME UTC. The file was left as it is. Check DATABASE_URL.
=> 30

$ migrator restore --latest --yes
restored DATA/homelab.db from DATA/backups/homelab--0001-create-hosts-TIME.db; what was there is DATA/homelab.db.replaced-TIME
=> 0

$ migrator restore nothing.db --yes
error: there is no backup ROOT/nothing.db (CONFIG_INVALID)
  Give one that \`migrator backups\` lists, or --latest.
=> 2

$ migrator up
nothing to do: DATA/homelab.db is at 0001-create-hosts
=> 0

`

exports[`test/outputs.ts > TAP > failures > json 1`] = `
$ migrator upp
{"time":"TIME","level":"error","event":"failed","message":"unknown command 'upp' (Did you mean up?) (CONFIG_INVALID). Run \`migrator --help\` for the commands.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator status --jsn
{"time":"TIME","level":"error","event":"failed","message":"unknown option '--jsn' (Did you mean --json?) (CONFIG_INVALID). Run \`migrator status --help\` for an example.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator create
{"time":"TIME","level":"error","event":"failed","message":"missing required argument 'name' (CONFIG_INVALID). Run \`migrator create --help\` for an example.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator create No
{"time":"TIME","level":"error","event":"failed","message":"a migration cannot be called No (CONFIG_INVALID). Use lower-case letters, digits and single hyphens, without a number in front, such as create-alerts.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator wait --timeout soon
{"time":"TIME","level":"error","event":"failed","message":"option '--timeout <seconds>' argument 'soon' is invalid. Use a whole number of seconds (CONFIG_INVALID). Run \`migrator wait --help\` for an example.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator up
{"time":"TIME","level":"error","event":"failed","message":"migration 0001-create-a failed at MIGRATIONS/0001-create-a.js:1:39: out of luck (MIGRATION_FAILED). Everything was rolled back; the database is as it was. Fix the migration, then run \`migrator up\`.","code":"MIGRATION_FAILED","exitCode":40}
=> 40

$ migrator up
{"time":"TIME","level":"error","event":"failed","message":"MIGRATIONS/notes.md is not a migration (CONFIG_INVALID). Migrations are called NNNN-verb-noun.ts, .js, .mjs, .cjs or .sql, such as 0004-create-alerts.ts. Data may be in .json and .csv files, and helpers in files whose names begin with _.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator up
{"time":"TIME","level":"error","event":"failed","message":"DATA/homelab.db is not a SQLite database (DATABASE_DAMAGED). There is no backup. If you have a copy elsewhere, run \`migrator restore FILE\`. The file was left as it is. Check DATABASE_URL.","code":"DATABASE_DAMAGED","exitCode":30}
=> 30

`

exports[`test/outputs.ts > TAP > failures > text 1`] = `
$ migrator upp
error: unknown command 'upp' (Did you mean up?) (CONFIG_INVALID)
  Run \`migrator --help\` for the commands.
=> 2

$ migrator status --jsn
error: unknown option '--jsn' (Did you mean --json?) (CONFIG_INVALID)
  Run \`migrator status --help\` for an example.
=> 2

$ migrator create
error: missing required argument 'name' (CONFIG_INVALID)
  Run \`migrator create --help\` for an example.
=> 2

$ migrator create No
error: a migration cannot be called No (CONFIG_INVALID)
  Use lower-case letters, digits and single hyphens, without a number in front, such as create-alerts.
=> 2

$ migrator wait --timeout soon
error: option '--timeout <seconds>' argument 'soon' is invalid. Use a whole number of seconds (CONFIG_INVALID)
  Run \`migrator wait --help\` for an example.
=> 2

$ migrator up
error: migration 0001-create-a failed at MIGRATIONS/0001-create-a.js:1:39: out of luck (MIGRATION_FAILED)
  Everything was rolled back; the database is as it was. Fix the migration, then run \`migrator up\`.
=> 40

$ migrator up
error: MIGRATIONS/notes.md is not a migration (CONFIG_INVALID)
  Migrations are called NNNN-verb-noun.ts, .js, .mjs, .cjs or .sql, such as 0004-create-alerts.ts. Data may be in .json and .csv files, and helpers in files whose names begin with _.
=> 2

$ migrator up
error: DATA/homelab.db is not a SQLite database (DATABASE_DAMAGED)
  There is no backup. If you have a copy elsewhere, run \`migrator restore FILE\`. The file was left as it is. Check DATABASE_URL.
=> 30

`

exports[`test/outputs.ts > TAP > first run > text 1`] = `
$ migrator status
DATA/homelab.db: 0 applied, 2 pending, not ready
no database yet

  migration  state  applied (UTC)  took  by
  0001-create-a  pending
  0002-create-b  pending

no ready marker
no backups
=> 0

$ migrator wait --timeout 0
error: DATA/homelab.db is not ready for 0002-create-b after 0 s (NOT_READY)
  Run \`migrator up\`; see \`migrator status\` for what DATA/.ready lacks.
=> 20

$ migrator
applied 0001-create-a in N ms
applied 0002-create-b in N ms
2 applied in N ms: DATA/homelab.db is at 0002-create-b
=> 0

$ migrator up
nothing to do: DATA/homelab.db is at 0002-create-b
=> 0

$ migrator wait
DATA/homelab.db is ready at 0002-create-b
=> 0

$ migrator status
DATA/homelab.db: 2 applied, 0 pending, ready
SIZE, journal mode wal

  migration  state  applied (UTC)  took  by
  0001-create-a  applied  TIME  N ms  VERSION
  0002-create-b  applied  TIME  N ms  VERSION

  table  rows
  SequelizeMeta  2

ready marker of 0002-create-b, written TIME
no backups
=> 0

$ migrator status --json
{"database":"DATA/homelab.db","ready":true,"bytes":N,"journalMode":"wal","applied":2,"pending":0,"migrations":[{"name":"0001-create-a","state":"applied","appliedAt":"TIME","milliseconds":N,"migrator":"VERSION"},{"name":"0002-create-b","state":"applied","appliedAt":"TIME","milliseconds":N,"migrator":"VERSION"}],"conflicts":[],"tables":[{"name":"SequelizeMeta","rows":2}],"marker":{"schema":"0002-create-b","migrations":2,"database":"homelab.db","fingerprint":"sha256:DIGEST","version":"VERSION","checkedAt":"TIME","readyAt":"TIME","seen":"SEEN","tables":[]},"backups":[],"lost":null,"leftovers":[],"server":null}
=> 0

$ migrator create create-c
MIGRATIONS/0003-create-c.js
=> 0

$ migrator status --exit-code
DATA/homelab.db: 2 applied, 1 pending, ready at 0002-create-b
SIZE, journal mode wal

  migration  state  applied (UTC)  took  by
  0001-create-a  applied  TIME  N ms  VERSION
  0002-create-b  applied  TIME  N ms  VERSION
  0003-create-c  pending

  table  rows
  SequelizeMeta  2

ready marker of 0002-create-b, written TIME
no backups
error: DATA/homelab.db has pending migrations: 0003-create-c (PENDING)
  Run \`migrator up\`.
=> 3

$ migrator status
DATA/homelab.db: 2 applied, 1 pending, ready at 0002-create-b
SIZE, journal mode wal

  migration  state  applied (UTC)  took  by
  0001-create-a  applied  TIME  N ms  VERSION
  0002-create-b  applied  TIME  N ms  VERSION
  0003-create-c  pending

  table  rows
  SequelizeMeta  2

ready marker of 0002-create-b, written TIME
1 backup, SIZE:
  backup  size  made (UTC)
  homelab--0001-create-a-TIME.db  SIZE  TIME
=> 0

`

exports[`test/outputs.ts > TAP > first run, as JSON lines > json 1`] = `
$ migrator
{"time":"TIME","level":"info","event":"migration.applied","message":"applied 0001-create-a in N ms","name":"0001-create-a","milliseconds":N}
{"time":"TIME","level":"info","event":"up.done","message":"1 applied in N ms: DATA/homelab.db is at 0001-create-a","applied":1,"milliseconds":N,"schema":"0001-create-a"}
=> 0

$ migrator up
{"time":"TIME","level":"info","event":"up.nothing","message":"nothing to do: DATA/homelab.db is at 0001-create-a","schema":"0001-create-a"}
=> 0

$ migrator wait
{"time":"TIME","level":"info","event":"wait.ready","message":"DATA/homelab.db is ready at 0001-create-a","schema":"0001-create-a"}
=> 0

`

exports[`test/outputs.ts > TAP > migrations that are written: tried out, linted, applied, looked at and taken back > text 1`] = `
$ migrator plan
DATA/homelab.db: 2 pending, tried on a copy

0001-create-hosts: N ms, SIZE more
  CREATE TABLE IF NOT EXISTS \`hosts\` (\`id\` INTEGER PRIMARY KEY, \`name\` TEXT);
  INSERT INTO \`hosts\` (\`id\`,\`name\`) VALUES (1,'omv'),(2,'nas');  -- 2 rows
  + table  hosts  2 columns
  hosts  none -> 2 rows

0002-name-hosts: N ms, SIZE more
  ALTER TABLE hosts ADD COLUMN seen TEXT DEFAULT 'never';
  CREATE UNIQUE INDEX hosts_name ON hosts (name);
  + column  hosts.seen  TEXT DEFAULT 'never'
  + index  hosts_name  UNIQUE on hosts (name)
  warning MF101: up makes hosts (name) unique
    CREATE UNIQUE INDEX hosts_name ON hosts (name)
    Merge or delete duplicate rows first, in the same migration.

up will need SIZE on the volume: database SIZE, journal SIZE, backup SIZE
up will take about N ms, as on the copy: backup N ms, the rest N ms
=> 0

$ migrator plan --sql
.bail on
-- 2 migrations of DATA/homelab.db, as homelab-migrator VERSION applies them; tried with SQLite 3.54.1.
-- A script for the sqlite3 shell. It ends at the first error with exit code 1, and then nothing has changed:
--  sqlite3 DATA/homelab.db < this-file
-- Afterwards \`migrator up\` finds nothing to apply, and writes the ready marker.
PRAGMA foreign_keys = OFF;
BEGIN IMMEDIATE;
CREATE TEMP TABLE "foreign keys before" AS SELECT 0 + (SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_check(t.name) WHERE t.type = 'table' AND t.name NOT IN ()) AS broken;
CREATE TABLE SequelizeMeta (name TEXT NOT NULL PRIMARY KEY, checksum TEXT, applied_at TEXT, duration_ms INTEGER, migrator TEXT);

-- 0001-create-hosts
CREATE TABLE IF NOT EXISTS \`hosts\` (\`id\` INTEGER PRIMARY KEY, \`name\` TEXT);
INSERT INTO \`hosts\` (\`id\`,\`name\`) VALUES (1,'omv'),(2,'nas');
INSERT INTO SequelizeMeta (name, checksum, applied_at, duration_ms, migrator) VALUES ('0001-create-hosts', 'sha256:DIGEST', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), NULL, 'VERSION');

-- 0002-name-hosts
ALTER TABLE hosts ADD COLUMN seen TEXT DEFAULT 'never';
CREATE UNIQUE INDEX hosts_name ON hosts (name);
INSERT INTO SequelizeMeta (name, checksum, applied_at, duration_ms, migrator) VALUES ('0002-name-hosts', 'sha256:DIGEST', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), NULL, 'VERSION');

-- An error here means that rows break a foreign key which they did not break before.
CREATE TEMP TABLE "foreign keys after" (more INTEGER CHECK (more <= 0));
INSERT INTO "foreign keys after" SELECT 0 + (SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_check(t.name) WHERE t.type = 'table' AND t.name NOT IN ()) - (SELECT broken FROM "foreign keys before");
COMMIT;
DROP TABLE temp."foreign keys before";
DROP TABLE temp."foreign keys after";
PRAGMA journal_mode = WAL;
PRAGMA foreign_keys = ON;
=> 0

$ migrator plan --json
{"database":"DATA/homelab.db","pending":["0001-create-hosts","0002-name-hosts"],"migrations":[{"name":"0001-create-hosts","statements":[{"asked":"CREATE TABLE IF NOT EXISTS \`hosts\` (\`id\` INTEGER PRIMARY KEY, \`name\` TEXT);","sql":"CREATE TABLE IF NOT EXISTS \`hosts\` (\`id\` INTEGER PRIMARY KEY, \`name\` TEXT);","rows":0,"milliseconds":N,"error":null},{"asked":"INSERT INTO \`hosts\` (\`id\`,\`name\`) VALUES (1,'omv'),(2,'nas');","sql":"INSERT INTO \`hosts\` (\`id\`,\`name\`) VALUES (1,'omv'),(2,'nas');","rows":2,"milliseconds":N,"error":null}],"structure":[{"change":"added","kind":"table","name":"hosts","detail":"2 columns"}],"tables":[{"name":"hosts","before":null,"after":2}],"lost":[],"milliseconds":N,"bytes":N,"findings":[]},{"name":"0002-name-hosts","statements":[{"asked":"ALTER TABLE hosts ADD COLUMN seen TEXT DEFAULT 'never'","sql":"ALTER TABLE hosts ADD COLUMN seen TEXT DEFAULT 'never'","rows":0,"milliseconds":N,"error":null},{"asked":"CREATE UNIQUE INDEX hosts_name ON hosts (name)","sql":"CREATE UNIQUE INDEX hosts_name ON hosts (name)","rows":0,"milliseconds":N,"error":null}],"structure":[{"change":"added","kind":"column","name":"hosts.seen","detail":"TEXT DEFAULT 'never'"},{"change":"added","kind":"index","name":"hosts_name","detail":"UNIQUE on hosts (name)"}],"tables":[{"name":"hosts","before":2,"after":2}],"lost":[],"milliseconds":N,"bytes":N,"findings":[{"code":"MF101","message":"makes hosts (name) unique","statement":"CREATE UNIQUE INDEX hosts_name ON hosts (name)","place":{"file":"MIGRATIONS/0002-name-hosts.js","line":3,"column":26},"direction":"up","level":"warning","cure":"Merge or delete duplicate rows first, in the same migration."}]}],"bytes":{"growth":20480,"journal":512,"backup":0},"milliseconds":{"backup":N,"rest":N},"failure":null}
=> 0

$ migrator lint
0002-name-hosts
  warning MF101: up makes hosts (name) unique
    CREATE UNIQUE INDEX hosts_name ON hosts (name)
    Merge or delete duplicate rows first, in the same migration.
  warning HM402: down does not restore the structure from before up: index hosts_name on hosts is extra
    Make down undo everything that up did, or leave it out.
0 errors, 2 warnings in 2 migrations
=> 0

$ migrator lint --json
{"migrations":[{"name":"0001-create-hosts","findings":[]},{"name":"0002-name-hosts","findings":[{"code":"MF101","message":"makes hosts (name) unique","statement":"CREATE UNIQUE INDEX hosts_name ON hosts (name)","place":{"file":"MIGRATIONS/0002-name-hosts.js","line":3,"column":26},"direction":"up","level":"warning","cure":"Merge or delete duplicate rows first, in the same migration."},{"code":"HM402","message":"does not restore the structure from before up: index hosts_name on hosts is extra","statement":null,"place":null,"direction":"down","level":"warning","cure":"Make down undo everything that up did, or leave it out."}]}],"errors":0,"warnings":2}
=> 0

$ migrator up
applied 0001-create-hosts in N ms
applied 0002-name-hosts in N ms
2 applied in N ms: DATA/homelab.db is at 0002-name-hosts
=> 0

$ migrator verify
DATA/homelab.db at 0002-name-hosts: sound
  damage  passed
  foreign keys  passed
  history  passed
  structure  passed
  marker  passed
=> 0

$ migrator verify --json
{"database":"DATA/homelab.db","schema":"0002-name-hosts","code":null,"checks":[{"check":"damage","result":"passed"},{"check":"foreign keys","result":"passed"},{"check":"history","result":"passed"},{"check":"structure","result":"passed"},{"check":"marker","result":"passed"}],"findings":[]}
=> 0

$ migrator schema
CREATE TABLE SequelizeMeta (name TEXT NOT NULL PRIMARY KEY, checksum TEXT, applied_at TEXT, duration_ms INTEGER, migrator TEXT);
CREATE TABLE \`hosts\` (\`id\` INTEGER PRIMARY KEY, \`name\` TEXT, seen TEXT DEFAULT 'never');
CREATE UNIQUE INDEX hosts_name ON hosts (name);
=> 0

$ migrator schema --format json
{"database":"DATA/homelab.db","schema":"0002-name-hosts","tables":[{"name":"SequelizeMeta","virtual":false,"withoutRowid":false,"strict":false,"autoincrement":false,"columns":[{"name":"name","type":"TEXT","affinity":"TEXT","notNull":true,"default":null,"key":1,"rowidAlias":false,"generated":null,"collation":"BINARY"},{"name":"checksum","type":"TEXT","affinity":"TEXT","notNull":false,"default":null,"key":0,"rowidAlias":false,"generated":null,"collation":"BINARY"},{"name":"applied_at","type":"TEXT","affinity":"TEXT","notNull":false,"default":null,"key":0,"rowidAlias":false,"generated":null,"collation":"BINARY"},{"name":"duration_ms","type":"INTEGER","affinity":"INTEGER","notNull":false,"default":null,"key":0,"rowidAlias":false,"generated":null,"collation":"BINARY"},{"name":"migrator","type":"TEXT","affinity":"TEXT","notNull":false,"default":null,"key":0,"rowidAlias":false,"generated":null,"collation":"BINARY"}],"foreignKeys":[],"indexes":[],"checks":[],"onConflict":[],"sql":"CREATE TABLE SequelizeMeta (name TEXT NOT NULL PRIMARY KEY, checksum TEXT, applied_at TEXT, duration_ms INTEGER, migrator TEXT)"},{"name":"hosts","virtual":false,"withoutRowid":false,"strict":false,"autoincrement":false,"columns":[{"name":"id","type":"INTEGER","affinity":"INTEGER","notNull":true,"default":null,"key":1,"rowidAlias":true,"generated":null,"collation":"BINARY"},{"name":"name","type":"TEXT","affinity":"TEXT","notNull":false,"default":null,"key":0,"rowidAlias":false,"generated":null,"collation":"BINARY"},{"name":"seen","type":"TEXT","affinity":"TEXT","notNull":false,"default":"'never'","key":0,"rowidAlias":false,"generated":null,"collation":"BINARY"}],"foreignKeys":[],"indexes":[{"name":"hosts_name","unique":true,"parts":[{"of":"name","collation":"BINARY","descending":false}],"where":null,"sql":"CREATE UNIQUE INDEX hosts_name ON hosts (name)"}],"checks":[],"onConflict":[],"sql":"CREATE TABLE \`hosts\` (\`id\` INTEGER PRIMARY KEY, \`name\` TEXT, seen TEXT DEFAULT 'never')"}],"views":[],"triggers":[]}
=> 0

$ migrator schema --format mermaid
erDiagram
  "SequelizeMeta" {
    TEXT name PK "not null"
    TEXT checksum
    TEXT applied_at
    INTEGER duration_ms
    TEXT migrator
  }
  "hosts" {
    INTEGER id PK "not null"
    TEXT name UK
    TEXT seen "default 'never'"
  }
=> 0

$ migrator down
DATA/homelab.db: 1 migration to undo, tried on a copy

0002-name-hosts
  - column  hosts.seen  TEXT DEFAULT 'never'
  hosts.seen had 2 values and has 0 after it
error: there is no terminal to confirm this on: 0002-name-hosts will be undone in DATA/homelab.db, after a backup (CONFIG_INVALID)
  Add --yes to do it without a question.
=> 2

$ migrator down --yes
DATA/homelab.db: 1 migration to undo, tried on a copy

0002-name-hosts
  - column  hosts.seen  TEXT DEFAULT 'never'
  hosts.seen had 2 values and has 0 after it
backed up SIZE to DATA/backups/homelab--0002-name-hosts-TIME.db in N ms
1 undone in N ms: DATA/homelab.db is at 0001-create-hosts
=> 0

`
