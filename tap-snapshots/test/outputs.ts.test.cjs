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
error: DATA/homelab.db and its migrations disagree: 0001-create-a was changed after it was applied: recorded sha256:DIGEST, the file now has sha256:DIGEST (HISTORY_CONFLICT). Put the old text back and make the change in a new migration; or, when the schema is the same, "migrator repair 0001-create-a".
=> 50

$ migrator status
DATA/homelab.db: 1 applied, 0 pending, ready
SIZE, journal mode wal

  migration  state  applied (UTC)  took  by
  0001-create-a  changed  TIME  N ms  VERSION

HISTORY_CONFLICT: 0001-create-a was changed after it was applied: recorded sha256:DIGEST, the file now has sha256:DIGEST
  Put the old text back and make the change in a new migration; or, when the schema is the same, "migrator repair 0001-create-a".

  table  rows
  SequelizeMeta  1

ready marker of 0001-create-a, written TIME
no backups
=> 0

$ migrator repair 0001-crate-a
error: 0001-crate-a is not a migration in MIGRATIONS (Did you mean 0001-create-a?) (CONFIG_INVALID). See "migrator status" for the names, without extension.
=> 2

$ migrator repair 0001-create-a
0001-create-a: recorded sha256:DIGEST in place of sha256:DIGEST
=> 0

$ migrator up
nothing to apply: DATA/homelab.db is at 0001-create-a
=> 0

`

exports[`test/outputs.ts > TAP > failures > json 1`] = `
$ migrator upp
{"time":"TIME","level":"error","event":"failed","message":"unknown command 'upp' (Did you mean up?) (CONFIG_INVALID). Run \\"migrator --help\\" for the commands.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator status --jsn
{"time":"TIME","level":"error","event":"failed","message":"unknown option '--jsn' (Did you mean --json?) (CONFIG_INVALID). Run \\"migrator status --help\\" for an example.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator create
{"time":"TIME","level":"error","event":"failed","message":"missing required argument 'name' (CONFIG_INVALID). Run \\"migrator create --help\\" for an example.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator create No
{"time":"TIME","level":"error","event":"failed","message":"a migration cannot be called \\"No\\" (CONFIG_INVALID). It is small letters, digits and single hyphens, without a number before it, such as create-alerts.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator wait --timeout soon
{"time":"TIME","level":"error","event":"failed","message":"option '--timeout <seconds>' argument 'soon' is invalid. It is a whole number of seconds (CONFIG_INVALID). Run \\"migrator wait --help\\" for an example.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator up
{"time":"TIME","level":"error","event":"failed","message":"migration 0001-create-a failed: out of luck (MIGRATION_FAILED). Everything was rolled back; the database is as it was. Mend the migration, then start again.","code":"MIGRATION_FAILED","exitCode":40}
=> 40

$ migrator up
{"time":"TIME","level":"error","event":"failed","message":"MIGRATIONS/notes.md is not a migration (CONFIG_INVALID). Files there are called NNNN-verb-noun.ts, .js or .mjs, such as 0004-create-alerts.ts.","code":"CONFIG_INVALID","exitCode":2}
=> 2

$ migrator up
{"time":"TIME","level":"error","event":"failed","message":"DATA/homelab.db is no SQLite database: its first bytes are others (DATABASE_DAMAGED). It is left as it is. Check DATABASE_URL. There is no backup in DATA/backups: one of your own is put in place by \\"migrator restore\\".","code":"DATABASE_DAMAGED","exitCode":30}
=> 30

`

exports[`test/outputs.ts > TAP > failures > text 1`] = `
$ migrator upp
error: unknown command 'upp' (Did you mean up?) (CONFIG_INVALID). Run "migrator --help" for the commands.
=> 2

$ migrator status --jsn
error: unknown option '--jsn' (Did you mean --json?) (CONFIG_INVALID). Run "migrator status --help" for an example.
=> 2

$ migrator create
error: missing required argument 'name' (CONFIG_INVALID). Run "migrator create --help" for an example.
=> 2

$ migrator create No
error: a migration cannot be called "No" (CONFIG_INVALID). It is small letters, digits and single hyphens, without a number before it, such as create-alerts.
=> 2

$ migrator wait --timeout soon
error: option '--timeout <seconds>' argument 'soon' is invalid. It is a whole number of seconds (CONFIG_INVALID). Run "migrator wait --help" for an example.
=> 2

$ migrator up
error: migration 0001-create-a failed: out of luck (MIGRATION_FAILED). Everything was rolled back; the database is as it was. Mend the migration, then start again.
=> 40

$ migrator up
error: MIGRATIONS/notes.md is not a migration (CONFIG_INVALID). Files there are called NNNN-verb-noun.ts, .js or .mjs, such as 0004-create-alerts.ts.
=> 2

$ migrator up
error: DATA/homelab.db is no SQLite database: its first bytes are others (DATABASE_DAMAGED). It is left as it is. Check DATABASE_URL. There is no backup in DATA/backups: one of your own is put in place by "migrator restore".
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
error: DATA/homelab.db is not ready for 0002-create-b after 0 s (NOT_READY). Run "migrator up"; see "migrator status" for what DATA/.ready lacks.
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
{"database":"DATA/homelab.db","ready":true,"bytes":N,"journalMode":"wal","applied":2,"pending":0,"migrations":[{"name":"0001-create-a","state":"applied","appliedAt":"TIME","milliseconds":N,"migrator":"VERSION"},{"name":"0002-create-b","state":"applied","appliedAt":"TIME","milliseconds":N,"migrator":"VERSION"}],"conflicts":[],"tables":[{"name":"SequelizeMeta","rows":2}],"marker":{"schema":"0002-create-b","migrations":2,"database":"homelab.db","fingerprint":"sha256:DIGEST","version":"VERSION","checkedAt":"TIME","readyAt":"TIME","seen":"SEEN"},"backups":[]}
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
error: DATA/homelab.db has pending migrations: 0003-create-c (PENDING). Run "migrator up".
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
1 backup:
  backup  size  made (UTC)
  homelab-0001-create-a-TIME.db  SIZE  TIME
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
