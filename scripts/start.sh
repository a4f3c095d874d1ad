#!/bin/sh
# npm start: sets the machine up, builds the sample image, boots it and fetches its page. Arguments go to
# `imgpipe build`; without any it builds pipelines/debian-web.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
if ! command -v apt-get >/dev/null; then
  # Other systems: name what is missing, and how to install it, before anything fails half-way.
  node bin/imgpipe.mjs doctor >&2
fi
[ $# -gt 0 ] || set -- debian-web
exec node bin/imgpipe.mjs build "$@"
