#!/usr/bin/env bash
# A throw-away PostgreSQL server for tests, on loopback and on a unix socket in its folder.
#   scripts/postgres.sh start DIR    prints its URL; one that was stopped comes back where it was, with what it had
#   scripts/postgres.sh stop DIR     ends it; the folder is left for the caller to remove
# Run by root, the server runs as another user, as it wants to: postgres, else nobody.
set -euo pipefail

usage() {
  echo "usage: scripts/postgres.sh start|stop DIR" >&2
  exit 2
}
[ $# = 2 ] || usage
mkdir -p "$2"
dir="$(cd "$2" && pwd)"

binary() {
  command -v "$1" 2>/dev/null && return
  local found
  found="$(find /usr/lib/postgresql -path "*/bin/$1" 2>/dev/null | sort -V | tail -n 1)"
  [ -n "$found" ] || { echo "PostgreSQL is not installed: its $1 is missing (Debian: apt-get install postgresql)" >&2; exit 3; }
  echo "$found"
}

user="$(id -un)"
if [ "$(id -u)" = 0 ]; then user="$(id -un postgres 2>/dev/null || echo nobody)"; fi

# Runs a command as that user, in a folder that it can see.
as_user() {
  if [ "$(id -u)" = 0 ]; then
    (cd / && setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@")
  else
    "$@"
  fi
}

start() {
  local pg_ctl initdb port
  pg_ctl="$(binary pg_ctl)"
  initdb="$(readlink -f "$pg_ctl")"
  initdb="${initdb%/*}/initdb"
  if [ "$(id -u)" = 0 ]; then chown "$user" "$dir"; fi
  chmod 0700 "$dir"
  [ -d "$dir/cluster" ] || as_user "$initdb" --pgdata "$dir/cluster" --username moa --auth trust --no-sync --encoding UTF8 --locale C >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; exit 1; }
  # Another process may take the port between the look and the start.
  for _ in 1 2 3 4 5; do
    port="$(cat "$dir/port" 2>/dev/null || python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')"
    if as_user "$pg_ctl" start --silent --wait --timeout 60 --pgdata "$dir/cluster" --log "$dir/cluster/server.log" \
      --options "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories='$dir' -c max_connections=100" \
      >/dev/null 2>&1 </dev/null; then
      echo "$port" >"$dir/port"
      echo "postgresql+asyncpg://moa@127.0.0.1:$port/postgres"
      return
    fi
  done
  cat "$dir/cluster/server.log" >&2
  exit 1
}

stop() {
  [ -d "$dir/cluster" ] || return 0
  as_user "$(binary pg_ctl)" stop --silent --mode immediate --wait --timeout 60 --pgdata "$dir/cluster" >/dev/null 2>&1 || true
}

case "$1" in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac
