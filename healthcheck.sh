#!/bin/sh
# Says whether the volume is ready: exit 0, or one line and exit 1. Needs no Node: any hub, probe or sidecar can run it.
#   DATABASE_URL, MIGRATOR_READY_FILE   as the migrator has them
#   EXPECT_SCHEMA                       the last migration that the hub needs, such as 0003-add-os-info
set -u

fail() {
  printf 'not ready: %s\n' "$1" >&2
  exit 1
}

# a field of the marker, which is one line of JSON without escapes
field() {
  printf '%s\n' "$line" | sed -n "s/^{.*\"$1\":\"\([^\"]*\)\".*}\$/\1/p"
}

here=$(dirname -- "$0")
database=${DATABASE_URL:-sqlite:$here/data/homelab.db}
database=${database#sqlite:}
while [ "${database#//}" != "$database" ]; do database=${database#/}; done
volume=$(dirname -- "$database")
marker=${MIGRATOR_READY_FILE:-$volume/.ready}

[ -f "$marker" ] || fail "there is no ready marker $marker: the migrator has not run, or did not succeed"
line=$(cat -- "$marker") || fail "the ready marker $marker cannot be read"
schema=$(field schema)
name=$(field database)
{ [ -n "$schema" ] && [ -n "$name" ] && [ -n "$(field fingerprint)" ]; } || fail "$marker is no ready marker"
[ -s "$volume/$name" ] || fail "the database $volume/$name is missing or empty"
[ "${EXPECT_SCHEMA:-$schema}" = "$schema" ] || fail "the schema is $schema, not $EXPECT_SCHEMA"
