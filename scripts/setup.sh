#!/bin/sh
# Brings everything imgpipe needs on this machine: npm packages (Node 24 among them), Debian packages, dist/.
# Says what it installs; does nothing when all is there. Runs with any POSIX shell and with npm's own Node.
# With the argument `tests` it brings what the tests need besides.
set -eu
cd "$(dirname "$0")/.."
lists=scripts/debian-packages.txt
[ "${1-}" != tests ] || lists="$lists scripts/debian-test-packages.txt"

say() { printf 'setup: %s\n' "$*" >&2; }

# The lock file decides whether node_modules is up to date.
stamp=node_modules/.imgpipe-lock
if ! cmp -s package-lock.json "$stamp"; then
  say 'installing npm packages (npm ci)'
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi

PATH="$PWD/node_modules/.bin:$PATH"
export PATH
if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 18) ? 0 : 1)'; then
  say "Node $(node --version) is too old and npm has no newer one for this machine; install Node 22.18 or newer."
  exit 1
fi

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  architecture=$(dpkg --print-architecture)
  # shellcheck disable=SC2086 # a list of files
  wanted=$(sed -e 's/#.*//' $lists | while read -r name condition; do
    [ -n "$name" ] || continue
    case "$condition" in
    '' | "[$architecture]" | '[if available]') echo "$name" ;;
    '[unless '*)
      program=${condition#'[unless '}
      command -v "${program%]}" >/dev/null || [ -x "/usr/sbin/${program%]}" ] || echo "$name"
      ;;
    esac
  done)
  # shellcheck disable=SC2086 # a list of names
  present=$(dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' $wanted 2>/dev/null | sed -n 's/ installed$//p' || :)
  missing=
  for name in $wanted; do
    case "
$present
" in *"
$name
"*) ;; *) missing="$missing $name" ;; esac
  done
  if [ -n "$missing" ]; then
    say "installing Debian packages:$missing"
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root=sudo; fi
    if [ -n "$as_root" ] && ! command -v sudo >/dev/null; then
      say "needs root and there is no sudo; run as root: apt-get install --no-install-recommends$missing"
      exit 1
    fi
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    $as_root apt-get update -q >&2
    # shellcheck disable=SC2086
    for name in $(sed -n 's/^\([^ #]*\) *\[if available\].*/\1/p' $lists); do
      apt-cache show "$name" >/dev/null 2>&1 || missing=$(echo " $missing " | sed "s/ $name / /")
    done
    # What is there stays: packages that cannot live beside one of these are for the user to choose.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends --no-remove $missing >&2
  fi
fi

node scripts/build.mjs
