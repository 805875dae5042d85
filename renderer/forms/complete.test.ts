import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offersAt } from './complete.ts';
import { diffLines, folded } from './diff.ts';
import { isAbout, issuesAt, stepsOf } from './issues.ts';
import fc from 'fast-check';

/** The labels offered at `|`. */
function labels(text: string, routes: readonly string[] = []): readonly string[] | undefined {
  const at = text.indexOf('|');
  return offersAt(text.replace('|', ''), at, routes)?.offers.map(({ label }) => label);
}
const has = (found: readonly string[] | undefined, ...wanted: readonly string[]): void => {
  for (const one of wanted) assert.ok(found?.includes(one), `${one} is not among ${found?.join(', ')}`);
};
const lacks = (found: readonly string[] | undefined, ...unwanted: readonly string[]): void => {
  for (const one of unwanted)
    assert.ok(found !== undefined && !found.includes(one), `${one} is among ${found?.join(', ')}`);
};

test('keys are offered at their place, without those that are there', () => {
  const top = labels('version: 1\n|\npolicies:\n  - type: http\n');
  has(top, 'name', 'experiment', 'routes');
  lacks(top, 'version', 'policies', 'target');
  const policy = labels('policies:\n  - name: a\n    type: http\n    lat|\n    target: all\n');
  has(policy, 'latency_chance', 'throttle_rate');
  lacks(policy, 'name', 'target', 'cpu_load', 'experiment');
  has(labels('policies:\n- type: resource\n  |'), 'cpu_load');
  has(labels('policies:\n  - |'), 'type', 'name');
  has(labels('policies:\n  - name: a\n    type: http\n  - na|'), 'name', 'type');
  has(labels('experiment:\n  hypothesis: x\n  |'), 'duration', 'steady_state', 'abort');
  has(labels('experiment:\n  steady_state:\n    - name: a\n      |'), 'probe', 'expect');
  const probe = labels('experiment:\n  steady_state:\n    - name: a\n      probe:\n        type: http\n        |');
  has(probe, 'url', 'apdex_t');
  lacks(probe, 'query', 'type');
  has(labels('experiment:\n  abort:\n    |'), 'when', 'for');
  has(labels('policies:\n  - type: http\n    latencyChance: 1\n    |'), 'latencyDuration');
});

test('keys are offered in brackets', () => {
  has(labels('routes:\n  - { name: a, |'), 'protocol', 'listen');
  const policy = labels('policies:\n  - { type: http, lat| }');
  has(policy, 'latency_chance');
  lacks(policy, 'type');
  has(labels('experiment:\n  steady_state:\n    - name: a\n      probe: { type: prometheus, | }'), 'query');
  has(labels('experiment:\n  abort: { wh|'), 'when', 'for');
});

test('values are offered where a schema lists them', () => {
  has(labels('policies:\n  - type: h|'), 'http', 'process');
  has(labels('policies:\n  - type: process\n    action: |'), 'stop', 'kill');
  assert.deepEqual(labels('policies:\n  - type: http\n    drop_connection: t|'), ['true', 'false']);
  assert.deepEqual(labels('policies:\n  - { type: http, route: p| }', ['payments']), ['payments']);
  has(labels('experiment:\n  steady_state:\n    - probe: { type: | }'), 'http', 'prometheus');
  assert.equal(labels('version: 1 # a comment |'), undefined);
});

test('issues find their field in either spelling', () => {
  const issue = (path: string) => ({ file: 'f', line: 1, column: 1, path, message: '', hint: '' });
  assert.deepEqual(stepsOf('policies[10].match_headers.x-canary'), ['policies', 10, 'match_headers', 'x-canary']);
  assert.ok(isAbout(issue('policies[1].latency_chance'), ['policies', 1, 'latencyChance']));
  assert.ok(!isAbout(issue('policies[10].latency_chance'), ['policies', 1]));
  assert.ok(isAbout(issue('policies[1].matchHeaders.a.b'), ['policies', 1, 'matchHeaders']));
  assert.equal(issuesAt([issue('policies[1].type'), issue('policies[1].foo')], ['policies', 1], ['type']).length, 1);
});

test('a comparison gives back both texts', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 }).map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const lines = diffLines(before, after);
      const side = (kind: string): string =>
        lines
          .filter((line) => line.kind === 'same' || line.kind === kind)
          .map((line) => line.text)
          .join('\n');
      assert.equal(side('gone'), before);
      assert.equal(side('new'), after);
    }),
    { numRuns: 500, seed: 7 },
  );
  assert.deepEqual(
    diffLines('a\nb\nc', 'a\nx\nc').map(({ kind }) => kind),
    ['same', 'gone', 'new', 'same'],
  );
  const long = Array.from({ length: 40 }, (_, index) => `line ${index}`);
  const shown = folded(diffLines(long.join('\n'), [...long.slice(0, 20), 'new', ...long.slice(20)].join('\n')));
  assert.deepEqual(
    shown.map(({ kind }) => kind),
    ['skipped', 'same', 'same', 'same', 'new', 'same', 'same', 'same', 'skipped'],
  );
});
