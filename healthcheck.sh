#!/bin/sh
# Exits with 0 if the volume is ready, else with one line and 1. Needs no Node: any hub, probe or sidecar can run it.
# Beside a migrator, as in the image, it also fails until that has brought the volume up.
# On a server it always fails, for only the server knows: there the check is "migrator wait --timeout 0".
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

# the path in a database URL; the migrator's default without one, which for an installed package is in the working folder
path_of() {
  case $here in */node_modules/*) path=./data/homelab.db ;; *) path=$here/data/homelab.db ;; esac
  path=${1:-$path}
  path=${path#sqlite:}
  while [ "${path#//}" != "$path" ]; do path=${path#/}; done
  printf '%s\n' "$path"
}

# whether a process is Node running the migrator's `up`, by its arguments; "up --hold" changes its title once it holds
is_up() {
  words=$(tr '\0' '\n' <"$1/cmdline") 2>/dev/null || return 1
  old_ifs=$IFS
  IFS='
'
  set -f
  # shellcheck disable=SC2086 # a word a line
  set -- $words
  set +f
  IFS=$old_ifs
  case ${1-} in node | */node) ;; *) return 1 ;; esac
  while [ $# -gt 0 ]; do
    script=$1
    shift
    case $script in
      migrator.js | */migrator.js | */migrator | */homelab-migrator) ;;
      /*/main.cjs) grep -qs '"name": "homelab-migrator"' "${script%/*}/../package.json" || continue ;;
      *) continue ;;
    esac
    [ "${1:-up}" = up ]
    return
  done
  return 1
}

# a path by the real one of its folder
real() {
  (cd -P -- "$(dirname -- "$1")" && printf '%s/%s\n' "$(pwd -P)" "${1##*/}") 2>/dev/null
}

# whether a process works on this database, which may be in its working folder; yes if its environment may not be read
has_database() {
  environment=$(tr '\0' '\n' <"$1/environ") 2>/dev/null || return 0
  other=$(path_of "$(printf '%s\n' "$environment" | sed -n 's/^DATABASE_URL=//p')")
  case $other in /*) ;; *) other=$1/cwd/$other ;; esac
  mine=$(real "$database") && [ "$(real "$other")" = "$mine" ]
}

# whether a migrator in this container is still bringing the volume up: until it is done the marker may be outdated
is_at_work() {
  for process in /proc/[0-9]*; do
    line=''
    # the shell drops the zeros between the arguments
    { IFS= read -r line <"$process/cmdline"; } 2>/dev/null
    case $line in
      'migrator: bringing up'*) ;;
      *node*migrator* | *node*main.cjs*) is_up "$process" || continue ;;
      *) continue ;;
    esac
    has_database "$process" && return 0
  done
  return 1
}

here=$(dirname -- "$0")
database=$(path_of "${DATABASE_URL-}")
volume=$(dirname -- "$database")
marker=${MIGRATOR_READY_FILE:-$volume/.ready}

case ${DATABASE_URL-} in
  postgres:* | postgresql:*)
    fail 'a server has no ready marker, its history says what is ready: ask "migrator wait --timeout 0"'
    ;;
esac
is_at_work && fail 'the migrator is still at work'
[ -f "$marker" ] || fail "there is no ready marker $marker: the migrator has not run, or did not succeed"
line=$(cat -- "$marker") || fail "the ready marker $marker cannot be read"
schema=$(field schema)
name=$(field database)
{ [ -n "$schema" ] && [ -n "$name" ] && [ -n "$(field fingerprint)" ]; } || fail "$marker is no ready marker"
# a link has another name than the database it leads to
[ "$name" = "${database##*/}" ] || [ -L "$database" ] || fail "$marker is the ready marker of $name, not of $database"
{ [ -f "$volume/$name" ] && [ -s "$volume/$name" ]; } || fail "the database $volume/$name is missing or empty"
[ "${EXPECT_SCHEMA:-$schema}" = "$schema" ] || fail "the schema is $schema, not $EXPECT_SCHEMA"
