# SPDX-License-Identifier: Apache-2.0
# What every script stands on: the checkout, the machine's programs, a Python environment. Sourced by bash.
#
# Nothing here is done twice: programs that are there are left alone, and an environment is made again only when
# pyproject.toml or the checkout's place has changed.

set -euo pipefail
HOUSE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH="$PATH:/usr/sbin:/sbin"

say() { printf '== %s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Debian's package for each program; a real host, its tests and the guest image need them.
HOST_PROGRAMS=(
  qemu-system-x86_64:qemu-system-x86 qemu-img:qemu-utils qemu-storage-daemon:qemu-system-common
  dnsmasq:dnsmasq-base nft:nftables ip:iproute2 mke2fs:e2fsprogs debugfs:e2fsprogs mkfs.vfat:dosfstools
  ssh:openssh-client ssh-keygen:openssh-client setpriv:util-linux
)
TEST_PROGRAMS=("${HOST_PROGRAMS[@]}" genisoimage:genisoimage slapd:slapd)

# The programs (name:package ...) are installed. Says what it installs; fails without root or sudo.
need_programs() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  install_packages "${missing[@]}"
}

# PostgreSQL is installed; Debian keeps its programs out of the PATH.
need_postgresql() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || install_packages postgresql
}

# apt knows the packages of which the guest image is made, as of today or yesterday.
need_package_lists() {
  local as_root=()
  compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null && [ -n "$(find /var/lib/apt/lists -maxdepth 0 -mtime -2)" ] && return
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  say "fetching apt's lists of packages"
  apt_get update -qq || say "apt-get update failed; going on with the lists that are there"
}

install_packages() {
  [ $# -gt 0 ] || return 0
  local packages as_root=()
  mapfile -t packages < <(printf '%s\n' "$@" | sort -u)
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "programs are missing, and only root can install them: apt-get install ${packages[*]}"
    as_root=(sudo)
  fi
  command -v apt-get >/dev/null || fail "this is not Debian; install what Debian calls ${packages[*]}"
  say "installing ${packages[*]} with apt-get"
  apt_get update -qq
  # The tests start an LDAP server of their own; Debian's would be one more that listens on the machine's port.
  case " ${packages[*]} " in *" slapd "*)
    printf 'slapd slapd/no_configuration boolean true\n' | "${as_root[@]}" debconf-set-selections ;;
  esac
  apt_get install -qq --no-install-recommends "${packages[@]}"
}

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null >/dev/null
}

# A Python environment in a folder: environment FOLDER SOURCE PIP-ARGUMENT...
# SOURCE is a file; the environment is made again when it, the arguments or the folder's place change.
environment() {
  local folder=$1 source=$2 mark
  shift 2
  mark=$(printf '%s\n' "$folder" "$@" | cat - "$source" | sha256sum)
  (
    flock 9
    [ "$(cat "$folder/made-of" 2>/dev/null)" != "$mark" ] || exit 0
    mkdir -p "$folder"
    rm -f "$folder/made-of"
    if ! "$folder/bin/python" -c 'import pip' 2>/dev/null || ! grep -qsF "$folder" "$folder/bin/pip"; then
      new_environment "$folder"
    fi
    say "installing Python packages into ${folder#"$HOUSE"/}"
    "$folder/bin/python" -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
    "$folder/bin/python" -m pip install -qq --disable-pip-version-check --root-user-action ignore "$@"
    printf '%s\n' "$mark" >"$folder/made-of"
  ) 9<"$HOUSE" </dev/null
}

new_environment() {
  local python
  for python in python3 python3.13 python3.12 python3.11 ''; do
    [ -n "$python" ] || fail "Python 3.11 or newer is needed: apt-get install python3 python3-venv"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break
  done
  "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
  say "making a Python environment in ${1#"$HOUSE"/}"
  "$python" -m venv --clear "$1"
}

# Cumulet with everything that its tests and checks need, in .venv and first in the PATH.
house_environment() {
  environment "$HOUSE/.venv" "$HOUSE/pyproject.toml" --editable "$HOUSE" --group "$HOUSE/pyproject.toml:test" --group "$HOUSE/pyproject.toml:lint"
  export PATH="$HOUSE/.venv/bin:$PATH"
  cd "$HOUSE"
}
