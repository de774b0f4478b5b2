#!/bin/sh
# `redis-server …` and `--option …` run the server; anything else is run as it is.
set -eu

case ${1:-} in
  -*) set -- redis-server "$@" ;;
esac

# Debian's Redis refuses other hosts unless it is told that the network is trusted; the official image's does not.
case " $* " in
  " redis-server "*--protected-mode*) ;;
  " redis-server "*) set -- "$@" --protected-mode no ;;
esac

exec "$@"
