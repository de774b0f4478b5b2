#!/usr/bin/env bash
# Starts the Docker engine that is installed; where none is, installs one from
# the distribution's own packages first, on Debian and Ubuntu. As root. `--plan`
# only says what it would do; it fails where it can't.
set -euo pipefail

readonly by_hand="see https://docs.docker.com/engine/install/."

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

distribution() {
  # shellcheck source=/dev/null
  . /etc/os-release
  printf '%s %s' "${ID:-}" "${ID_LIKE:-}"
}

# An engine that came from elsewhere is never replaced by the distribution's:
# the packages exclude each other, and its containers would stop.
installed() { command -v dockerd >/dev/null; }

answers() {
  if command -v docker >/dev/null; then
    docker info >/dev/null 2>&1
  else
    [[ -S /var/run/docker.sock ]]
  fi
}

systemd() { [[ -d /run/systemd/system && $(cat /proc/1/comm) == systemd ]]; }

if ! installed; then
  [[ -r /etc/os-release ]] || fail "Install a Docker engine by hand: $by_hand"
  case " $(distribution) " in
    *" debian "* | *" ubuntu "*) ;;
    *) fail "Install a Docker engine by hand, as only Debian and Ubuntu are known here: $by_hand" ;;
  esac
fi
if [[ ${1:-} == --plan ]]; then
  if installed; then
    printf 'This would start, as root, the Docker engine that is installed.\n'
  else
    printf 'This would run, as root: apt-get update && apt-get install docker.io, and start it.\n'
  fi
  exit 0
fi
[[ $(id -u) -eq 0 ]] || fail "Installing needs root: run it with sudo, or start your Docker engine."

if ! installed; then
  export DEBIAN_FRONTEND=noninteractive
  # A new server's own first upgrade often holds the package lock.
  apt=(apt-get -q -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update
  packages=(docker.io iptables ca-certificates)
  # Some releases have the command line in a package of its own, which is only
  # recommended.
  if apt-cache show docker-cli >/dev/null 2>&1; then
    packages+=(docker-cli)
  fi
  "${apt[@]}" install -y --no-install-recommends "${packages[@]}"
fi
if systemd; then
  systemctl enable --now docker || true # whether it answers is asked below
elif ! answers; then
  service docker start || true # as above
fi
for _ in $(seq 60); do
  answers && exit 0
  sleep 0.5
done
if systemd; then
  journalctl --unit docker --lines 5 --no-pager --output cat >&2 || true
else
  tail -n 5 /var/log/docker.log >&2 2>/dev/null || true
fi
fail "The Docker engine is installed but does not answer; its log says why."
