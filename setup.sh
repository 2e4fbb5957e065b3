#!/usr/bin/env bash
# Makes a bare Debian 13 ready: the servers' programs (no service of them), a user for them, .venv,
# what the console's pages load, and a browser for the tests.
# Quick the second time. Changes no service that is already there.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf 'setup: %s\n' "$*"; }
fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 1
}
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "root is needed for: $* (neither root nor sudo here)"
  fi
}

# --- what is missing -----------------------------------------------------------------------------

has_program() {
  command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/usr/lib/postgresql/17/bin/$1" ]
}
has_timescaledb() { [ -e /usr/lib/postgresql/17/lib/timescaledb.so ]; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
makes_venv() { "$1" -c 'import ensurepip, venv' >/dev/null 2>&1; }

# The person's own python3 if it will do, else the newest beside it.
best_python() {
  local name
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && is_new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
}

missing_packages() {
  local python
  { has_program mosquitto && has_program mosquitto_passwd; } || echo mosquitto
  has_program ip || echo iproute2 # tests cut the wire between the parts and the database
  { has_program postgres && has_timescaledb; } || echo postgresql-17-timescaledb
  has_program nginx || echo nginx # tests put it before the console
  command -v npm >/dev/null || echo npm nodejs
  command -v chromium-headless-shell >/dev/null || echo chromium-headless-shell # a third less work than chromium
  python=$(best_python)
  if [ -z "$python" ]; then
    echo python3 python3-venv
  elif ! makes_venv "$python" && [ ! -x .venv/bin/pip ]; then
    echo python3-venv
  fi
}

# --- packages, and none of their services --------------------------------------------------------

POLICY=/usr/sbin/policy-rc.d
CREATECLUSTER=/etc/postgresql-common/createcluster.d
NO_CLUSTER=$CREATECLUSTER/territory-hypervisor.conf
MADE=()

# Links by which the services of these packages would start with the machine.
boot_links() {
  find /etc/systemd/system /etc/rc[2-5].d \
    \( -name 'mosquitto*.service' -o -name 'postgresql*.service' -o -name 'nginx.service' \
    -o -name 'S[0-9][0-9]mosquitto' -o -name 'S[0-9][0-9]postgresql' -o -name 'S[0-9][0-9]nginx' \) 2>/dev/null | sort
}

hold_services() {
  if [ ! -e "$POLICY" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$POLICY" >/dev/null
    as_root chmod 755 "$POLICY"
    MADE+=("$POLICY")
  fi
  if [ ! -d "$CREATECLUSTER" ]; then
    as_root mkdir -p "$CREATECLUSTER"
    MADE+=("$CREATECLUSTER")
  fi
  printf 'create_main_cluster = false\n' | as_root tee "$NO_CLUSTER" >/dev/null
  MADE+=("$NO_CLUSTER")
}

# Only what we made: a policy or a folder that was there stays.
release_services() {
  local made
  for made in "${MADE[@]}"; do
    [ -d "$made" ] || as_root rm -f "$made"
  done
  for made in "${MADE[@]}"; do
    [ ! -d "$made" ] || as_root rmdir "$made" 2>/dev/null || true
  done
  MADE=()
}

# A service that this installation brought is not started with the machine either.
unlink_new_services() {
  local link unit
  comm -13 <(printf '%s\n' "$1") <(boot_links) | while read -r link; do
    [ -n "$link" ] || continue
    unit=$(basename "$link")
    case $link in
    /etc/systemd/*)
      as_root deb-systemd-helper disable "$unit" >/dev/null 2>&1 || true
      as_root rm -f "$link"
      ;;
    *) as_root update-rc.d "${unit#S[0-9][0-9]}" disable >/dev/null 2>&1 || true ;;
    esac
  done
}

install_packages() {
  local packages=("$@") links log
  # shellcheck disable=SC1091
  [ "$(. /etc/os-release 2>/dev/null && echo "${ID:-}")" = debian ] && command -v apt-get >/dev/null ||
    fail "missing here: ${packages[*]}. This set-up knows Debian 13 only;" \
      "elsewhere install them yourself, or use docker-compose.yml (docker compose up)"
  say "installing with apt, without starting any service: ${packages[*]}"
  links=$(boot_links)
  trap release_services EXIT
  hold_services
  as_root apt-get -q=2 -o DPkg::Lock::Timeout=300 update ||
    fail "apt-get update failed; see above"
  log=$(mktemp)
  if ! as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -q=2 -o DPkg::Lock::Timeout=300 -o DPkg::Use-Pty=0 \
    install --no-install-recommends "${packages[@]}" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    fail "apt-get install failed, as said above; Debian 13 (trixie) is what this set-up knows"
  fi
  rm -f "$log"
  unlink_new_services "$links"
  release_services
  trap - EXIT
}

# --- the user whom the servers run as when root starts them --------------------------------------

make_user() {
  if [ "$(id -u)" -eq 0 ] && ! getent passwd hypervisor >/dev/null; then
    say "making the system user 'hypervisor', whom the servers run as"
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin hypervisor
  fi
}

# --- .venv ---------------------------------------------------------------------------------------

STAMP=.venv/setup-stamp

wanted_stamp() {
  { pwd && cat requirements.lock pyproject.toml; } | sha256sum | cut -d ' ' -f 1
}

make_venv() {
  local python
  if [ -x .venv/bin/hypervisor ] && .venv/bin/python -c '' 2>/dev/null &&
    [ "$(cat "$STAMP" 2>/dev/null)" = "$(wanted_stamp)" ]; then
    return
  fi
  if ! is_new_enough .venv/bin/python; then
    python=$(best_python)
    [ -n "$python" ] || fail "no Python of at least 3.11 on PATH"
    say "making .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv
  elif ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    .venv/bin/python -m ensurepip >/dev/null
  fi
  say "installing the locked packages into .venv"
  .venv/bin/python -m pip install -q --disable-pip-version-check --root-user-action ignore \
    --no-compile --require-hashes -r requirements.lock
  # As pip would, but on every processor; some packages hold files of other Pythons, too.
  .venv/bin/python -m compileall -qq -j 0 .venv/lib || true
  .venv/bin/python -m pip install -q --disable-pip-version-check --root-user-action ignore \
    --no-deps --no-build-isolation -e .
  wanted_stamp >"$STAMP"
}

# --- what the console's pages load ---------------------------------------------------------------

CONSOLE_STAMP=node_modules/setup-stamp
VENDORED=hypervisor/web/static/vendor/htmx.js

wanted_console() {
  cat package-lock.json hypervisor/web/vendoring.py | sha256sum | cut -d ' ' -f 1
}

# Into node_modules, and from there what is served to where it is served.
make_console() {
  if [ -e "$VENDORED" ] && [ "$(cat "$CONSOLE_STAMP" 2>/dev/null)" = "$(wanted_console)" ]; then
    return
  fi
  say "fetching what the console's pages load"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
  .venv/bin/python -m hypervisor.web.vendoring node_modules
  wanted_console >"$CONSOLE_STAMP"
}

mapfile -t packages < <(missing_packages | tr ' ' '\n')
if [ "${#packages[@]}" -gt 0 ]; then
  install_packages "${packages[@]}"
fi
make_user
make_venv
make_console
say "ready: .venv/bin/hypervisor"
