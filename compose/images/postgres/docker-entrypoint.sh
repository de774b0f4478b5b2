#!/bin/bash
# `postgres …` and `-option …` run the server, made ready at the first start; anything else is run as it is.
set -euo pipefail

if [[ ${1:-} == -* ]]; then
  set -- postgres "$@"
fi
if [[ ${1:-} != postgres ]]; then
  exec "$@"
fi

# Root only to take over a data folder that was made by somebody else (a bind mount, a tmpfs).
if [[ $(id -u) == 0 ]]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres "$PGDATA"
  exec setpriv --reuid postgres --regid postgres --init-groups -- "$0" "$@"
fi

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  user=${POSTGRES_USER:-postgres}
  database=${POSTGRES_DB:-$user}
  if [[ -z ${POSTGRES_PASSWORD:-} ]]; then
    echo "POSTGRES_PASSWORD is not set: the database needs a password for its first start" >&2
    exit 1
  fi
  # The password goes in by a file descriptor: never in an argument list.
  initdb --username="$user" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --encoding=UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 >/dev/null
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  # Single-user mode: nothing listens before the database exists.
  if [[ $database != postgres ]]; then
    printf 'CREATE DATABASE "%s"\n' "$database" | postgres --single -j postgres >/dev/null
  fi
fi

exec "$@" -c listen_addresses='*'
