// Prints the last lines of `npm test` from vitest's JSON results: `N passed, N failed`, alone on a line.
// Arguments: results file, vitest's exit status, names of failed checks (types, lint …), each counted as a failure.
import { existsSync, readFileSync } from 'node:fs';

const [, , resultsFile = '', status = '1', ...failedChecks] = process.argv;
const results = existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, 'utf8')) : undefined;
const passed = results?.numPassedTests ?? 0;
const skipped = (results?.numPendingTests ?? 0) + (results?.numTodoTests ?? 0);
// A file that cannot be loaded has no tests, and must count all the same.
const brokenFiles = (results?.testResults ?? []).filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
);
let failed = (results?.numFailedTests ?? 0) + brokenFiles.length + failedChecks.length;
if (failed === 0 && (status !== '0' || results === undefined)) failed = 1;

console.log('');
for (const file of results?.testResults ?? []) {
  for (const test of file.assertionResults)
    if (test.status === 'failed') console.log(`failed: ${test.fullName}`);
}
for (const file of brokenFiles) console.log(`failed to load: ${file.name}`);
for (const name of failedChecks) console.log(`failed check: ${name}`);
if (results === undefined) console.log('vitest gave no results');
if (skipped > 0) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
