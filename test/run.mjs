// `npm test [-- FILE...]`: sets up what is missing, builds the room, then runs the tests on Node 24.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, ensureDependencies, findNode, passSignals, root } from '../engine/cli/bootstrap.mjs';

ensureDependencies();
// Only now: the bundler is one of the dependencies.
const { buildRoom } = await import('../renderer/build.mjs');
await buildRoom();

const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : ['engine/**/*.test.ts', 'renderer/**/*.test.ts', 'test/**/*.test.ts'];
/** More files than these failing at once is no unsteady test but a broken product. */
const MOST_UNSTEADY_FILES = 3;

// Two files at a time: many tests measure processor time or start servers of their own.
const first = await run(files, 2);
const again =
  process.env['CI'] !== undefined &&
  first.code !== 0 &&
  first.files.length > 0 &&
  first.files.length <= MOST_UNSTEADY_FILES;
if (!again) process.exit(first.code);

// On a shared machine one starved test must not hide what the other thousands say. It is told by name all the same.
console.log('\nThe files that failed, once more, each by itself:');
const second = await run(first.files, 1);
// What failed at first and did not pass by its name the second time has not passed.
const unsteady = first.failures.filter((name) => second.passes.includes(name) && !second.failures.includes(name));
const still = [...new Set([...first.failures.filter((name) => !unsteady.includes(name)), ...second.failures])];
const list = (names) => names.map((name) => `  ${name}`).join('\n');
if (unsteady.length > 0)
  console.log(`\nUNSTEADY, failed first and passed by themselves (the failure is above):\n${list(unsteady)}`);
if (still.length > 0) console.log(`\nFailed:\n${list(still)}`);
console.log(`\n${first.passed + unsteady.length} passed, ${still.length} failed, ${first.skipped} skipped`);
process.exit(still.length > 0 ? 1 : second.code);

/** Resolves with the exit code and what the reporter counted. */
function run(wanted, concurrency) {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-tests-'));
  const record = join(folder, 'record.json');
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--test',
    `--test-concurrency=${concurrency}`,
    '--test-timeout=900000',
    `--test-reporter=${join(root, 'test/reporter.mjs')}`,
    ...wanted,
  ];
  const child = spawn(findNode(), args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, FIREBREAK_TEST_RECORD: record },
  });
  passSignals(child);
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      const counted = read(record);
      rmSync(folder, { recursive: true, force: true });
      resolve({ ...counted, code: codeOf(code, signal) });
    });
  });
}

function read(record) {
  try {
    return JSON.parse(readFileSync(record, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0, passes: [], failures: [], files: [] };
  }
}
