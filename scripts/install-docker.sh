#!/usr/bin/env bash
# Installs a Docker engine from the distribution's own packages, on Debian and
# Ubuntu, as root. `--plan` only says what it would do; it fails where it can't.
set -euo pipefail

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

distribution() {
  # shellcheck source=/dev/null
  . /etc/os-release
  printf '%s %s' "${ID:-}" "${ID_LIKE:-}"
}

[[ -r /etc/os-release ]] || fail "Install a Docker engine by hand: see https://docs.docker.com/engine/install/."
case " $(distribution) " in
  *" debian "* | *" ubuntu "*) ;;
  *) fail "Install a Docker engine by hand, as only Debian and Ubuntu are known here: see https://docs.docker.com/engine/install/." ;;
esac
if [[ ${1:-} == --plan ]]; then
  printf 'This would run, as root: apt-get update && apt-get install docker.io, and start it.\n'
  exit 0
fi
[[ $(id -u) -eq 0 ]] || fail "Installing needs root: run it with sudo, or start your Docker engine."

export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y --no-install-recommends docker.io iptables ca-certificates
if [[ -d /run/systemd/system ]]; then
  systemctl enable --now docker
elif ! docker info >/dev/null 2>&1; then
  service docker start
fi
for _ in $(seq 60); do
  docker info >/dev/null 2>&1 && exit 0
  sleep 0.5
done
fail "The Docker engine was installed but does not answer; its log says why."
