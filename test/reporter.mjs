// Quiet about what passes, whole about what fails or is skipped; the last line counts.
import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';

export default async function* report(source) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  const skipped = [];
  const failures = [];
  const files = new Set();
  const passes = [];
  for await (const { type, data } of source) {
    // Of a whole file; a test itself only knows where it was written, which may be elsewhere.
    if (type === 'test:summary' && data.file !== undefined && !data.success) files.add(data.file);
    if (type === 'test:stderr' || type === 'test:stdout') continue;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    const where = `${data.file === undefined ? '' : `${relative(process.cwd(), data.file)}: `}${data.name}`;
    if (data.skip !== undefined && data.skip !== false) {
      count.skipped++;
      skipped.push(`  ${where}: ${data.skip === true ? 'no reason given' : data.skip}`);
    } else if (type === 'test:pass') {
      count.passed++;
      passes.push(where);
      if (data.details.duration_ms > 2_000) yield `ok ${where} (${(data.details.duration_ms / 1_000).toFixed(1)} s)\n`;
    } else {
      // A test whose subtests failed only repeats them.
      if (data.details?.error?.failureType === 'subtestsFailed') continue;
      count.failed++;
      failures.push(where);
      yield `\nFAILED ${where}\n${describe(data.details?.error)}\n`;
    }
  }
  if (skipped.length > 0) yield `\nSkipped, and why:\n${skipped.join('\n')}\n`;
  if (failures.length > 0) yield `\nFailed:\n${failures.map((where) => `  ${where}`).join('\n')}\n`;
  // For test/run.mjs, which may run these files again.
  const record = process.env['FIREBREAK_TEST_RECORD'];
  if (record !== undefined) writeFileSync(record, JSON.stringify({ ...count, passes, failures, files: [...files] }));
  yield `\n${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`;
}

function describe(error) {
  const cause = error?.cause ?? error;
  return String(cause?.stack ?? cause?.message ?? cause)
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
