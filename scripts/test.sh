#!/bin/sh
# npm test: sets the machine up, then types, generated files, lint, format and all tests. Arguments go to vitest.
# The last line says how many tests passed and failed.
set -u
cd "$(dirname "$0")/.."
sh scripts/setup.sh tests || exit 1
PATH="$PWD/node_modules/.bin:$PATH"
export PATH

failed_checks=
check() {
  name=$1
  shift
  printf '── %s\n' "$name"
  "$@" || failed_checks="$failed_checks $name"
}

check types tsc -p .
check generated node scripts/generate.mjs --check
check lint npm run --silent lint
check format npm run --silent format:check

results=.imgpipe/test-results.json
rm -f "$results"
mkdir -p .imgpipe
printf '── tests\n'
vitest run --reporter=default --reporter=json --outputFile.json="$results" "$@"
status=$?
# shellcheck disable=SC2086
node scripts/test-summary.mjs "$results" "$status" $failed_checks
