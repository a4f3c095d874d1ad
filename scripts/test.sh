#!/bin/sh
# npm test: sets the machine up, then types, generated files, lint, format and all tests. Arguments go to vitest.
# The last line says how many tests passed and failed.
set -u
cd "$(dirname "$0")/.."
sh scripts/setup.sh tests || exit 1
PATH="$PWD/node_modules/.bin:$PATH"
export PATH

# Side by side, for some use one processor only; told one after the other.
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
checks=
check() {
  name=$1
  shift
  checks="$checks $name"
  { "$@" && : >"$logs/$name.passed"; } >"$logs/$name" 2>&1 &
}
check types tsc -p .
check generated node scripts/generate.mjs --check
check lint npm run --silent lint
check format npm run --silent format:check
wait

failed_checks=
for name in $checks; do
  printf '── %s\n' "$name"
  cat "$logs/$name"
  [ -e "$logs/$name.passed" ] || failed_checks="$failed_checks $name"
done

results=.imgpipe/test-results.json
rm -f "$results"
mkdir -p .imgpipe
printf '── tests\n'
vitest run --reporter=default --reporter=json --outputFile.json="$results" "$@"
status=$?
# shellcheck disable=SC2086
node scripts/test-summary.mjs "$results" "$status" $failed_checks
