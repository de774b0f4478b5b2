#!/usr/bin/env bash
# Makes sure the base image of every Dockerfile here is present: pulled, or, where Docker Hub cannot be
# reached, made from Debian packages.
#
#   scripts/base-image.sh [image-name]     default: debian:trixie-slim
#
# APT_DIR (default /etc/apt) is where the host's package sources are read from.
set -euo pipefail

readonly image=${1:-debian:trixie-slim}
readonly suite=trixie
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg
readonly default_mirror=http://deb.debian.org/debian
readonly apt_dir=${APT_DIR:-/etc/apt}
readonly pull_seconds=60

say() { printf 'base-image: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

host_is() { # host_is debian|ubuntu…
  local id
  # shellcheck source=/dev/null
  id=$(. /etc/os-release 2>/dev/null && printf '%s' "${ID:-}") || return 1
  [[ " $* " == *" $id "* ]]
}

# Every package URI of the host, one on a line, from deb822 `.sources` and one-line `.list` files.
source_uris() {
  local file
  for file in "$apt_dir"/sources.list "$apt_dir"/sources.list.d/*.list; do
    [[ -r $file ]] || continue
    sed -nE 's/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]*)?([^[:space:]]+).*/\2/p' "$file"
  done
  for file in "$apt_dir"/sources.list.d/*.sources; do
    [[ -r $file ]] || continue
    # A stanza ends at an empty line; `Enabled: no` may stand before or after `URIs:`.
    awk 'BEGIN { RS = ""; FS = "\n" }
      {
        uris = ""; enabled = 1; in_uris = 0
        for (i = 1; i <= NF; i++) {
          if ($i ~ /^#/) continue
          if ($i ~ /^[^ \t]/) in_uris = 0
          if (tolower($i) ~ /^enabled:[ \t]*(no|false|0)/) enabled = 0
          if (tolower($i) ~ /^uris:/) { in_uris = 1; sub(/^[^:]*:/, "", $i) }
          if (in_uris) uris = uris " " $i
        }
        n = split(uris, each, /[ \t]+/)
        for (i = 1; enabled && i <= n; i++) if (each[i] != "") print each[i]
      }' "$file"
  done
}

mirror() {
  local uri
  if host_is debian; then
    while read -r uri; do
      if [[ $uri =~ ^https?://.*/debian/?$ ]]; then
        printf '%s\n' "${uri%/}"
        return
      fi
    done < <(source_uris)
  fi
  printf '%s\n' "$default_mirror"
}

need_mmdebstrap() {
  if command -v mmdebstrap >/dev/null && [[ -r $keyring ]]; then
    return
  fi
  if [[ $(id -u) != 0 ]] || ! host_is debian ubuntu; then
    die "mmdebstrap and $keyring are needed to make $image: install the packages mmdebstrap and" \
      "debian-archive-keyring (as root on Debian or Ubuntu this script does it), or 'docker pull $image'"
  fi
  say "installing mmdebstrap and debian-archive-keyring"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
    mmdebstrap debian-archive-keyring >/dev/null
}

make_image() {
  local from archive
  need_mmdebstrap
  from=$(mirror)
  # A file in between: with a pipe, an mmdebstrap that fails half-way could leave half an image.
  archive=$(mktemp -d)
  # shellcheck disable=SC2064  # the folder's name is wanted now
  trap "rm -rf '$archive'" EXIT
  chmod 755 "$archive" # mmdebstrap without root writes as another user
  say "making $image from $from"
  mmdebstrap --quiet --variant=minbase --include=ca-certificates --keyring="$keyring" \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --aptopt='Acquire::Languages "none"' \
    --aptopt='Dir::Cache::pkgcache ""' \
    --aptopt='Dir::Cache::srcpkgcache ""' \
    "$suite" "$archive/root.tar" "deb $from $suite main"
  docker import --change 'CMD ["bash"]' "$archive/root.tar" "$image" >/dev/null
}

# Tests of several packages ask for it at once: one makes it, the others wait.
if [[ -z ${BASE_IMAGE_LOCKED:-} ]] && command -v flock >/dev/null; then
  BASE_IMAGE_LOCKED=1 exec flock "${TMPDIR:-/tmp}/webshop-deploy-base-image.lock" "$0" "$@"
fi

command -v docker >/dev/null || die "docker is not installed"
docker version >/dev/null 2>&1 || die "the Docker engine does not answer: try 'docker version'"

if docker image inspect "$image" >/dev/null 2>&1; then
  say "$image is present"
  exit 0
fi
say "pulling $image ($pull_seconds s at most)"
if timeout "$pull_seconds" docker pull --quiet "$image" >/dev/null 2>&1; then
  say "$image is pulled"
  exit 0
fi
say "$image could not be pulled"
make_image
say "$image is made"
