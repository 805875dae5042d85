import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sharesOf } from '../../kernel/message-fields.ts';
import { httpManifest, type HttpParams } from './manifest.ts';

const parse = (fields: Record<string, unknown> = {}): HttpParams => httpManifest.params.parse(fields);
const refuses = (fields: Record<string, unknown>): string | undefined =>
  httpManifest.params.safeParse(fields).error?.issues[0]?.message;

describe('the fields of an http policy', () => {
  it('takes every field that the pastaay format allows', () => {
    const all = parse({
      latencyChance: 0.5,
      latencyDuration: '500ms',
      errorChance: 0.1,
      errorCode: 503,
      errorBody: 'down',
      dropConnection: false,
      matchHeaders: { 'X-Canary': 'true' },
      streamRollMode: 'per-frame',
      throttleThreshold: 10_000_000,
      ramChunkMB: 4_096,
      ramInterval: '1h',
      throttleRate: 5,
    });
    assert.equal(all.latencyDuration, 500);
    assert.equal(all.errorCode, 503);
  });

  it('fills in defaults, and 500 for the error code 0', () => {
    assert.equal(parse().errorCode, 500);
    assert.equal(parse({ errorCode: 0 }).errorCode, 500);
    assert.equal(parse().latencyDuration, 0);
    assert.deepEqual(parse().matchHeaders, {});
  });

  const broken: readonly [Record<string, unknown>, RegExp][] = [
    [{ latencyChance: 1.1 }, /from 0 to 1/],
    [{ errorChance: -0.1 }, /from 0 to 1/],
    [{ errorCode: 99 }, /from 100 to 599/],
    [{ errorCode: 600 }, /from 100 to 599/],
    [{ errorCode: 500.5 }, /from 100 to 599/],
    [{ latencyDuration: '61m' }, /from 0s to 1h/],
    [{ latencyDuration: '5 bananas' }, /expected a duration/],
    [{ throttleThreshold: 10_000_001 }, /10000000/],
    [{ ramChunkMB: 4_097 }, /4096/],
    [{ ramInterval: '2h' }, /1h/],
    [{ streamRollMode: 'sometimes' }, /per-call/],
    [{ throttleRate: -1 }, /requests per second/],
    [{ matchHeaders: { a: 1 } }, /text as the value/],
    [{ dropConnection: 'yes' }, /true or false/],
  ];
  for (const [fields, expected] of broken) {
    it(`refuses ${JSON.stringify(fields)}`, () => assert.match(refuses(fields) ?? 'accepted', expected));
  }

  it('says of the fields without meaning here that they do nothing', () => {
    for (const field of ['streamRollMode', 'throttleThreshold', 'ramChunkMB', 'ramInterval'] as const) {
      assert.match(String(httpManifest.params.shape[field].meta()?.['help']), /does nothing for http/);
    }
  });
});

describe('the weight of an http policy', () => {
  const cases: readonly [Record<string, unknown>, number][] = [
    [{}, 0],
    [{ dropConnection: true }, 1],
    [{ errorChance: 0.35 }, 0.35],
    [{ latencyChance: 1, latencyDuration: '999ms' }, 0.3],
    [{ latencyChance: 1, latencyDuration: '1s' }, 0.6],
    [{ latencyChance: 0.5, latencyDuration: '5s' }, 0.5],
    [{ throttleRate: 5 }, 0.5],
    [{ throttleRate: 5, errorChance: 0.9 }, 0.9],
  ];
  for (const [fields, expected] of cases) {
    it(`${JSON.stringify(fields)} weighs ${expected}`, () =>
      assert.equal(httpManifest.severity(parse(fields)), expected));
  }
  it('knows what does nothing', () => {
    assert.equal(httpManifest.noop(parse({ latencyDuration: '5s', errorCode: 503 })), true);
    assert.equal(httpManifest.noop(parse({ throttleRate: 1 })), false);
    assert.equal(httpManifest.noop(parse({ dropConnection: true })), false);
  });
});

describe('what an http policy asks for', () => {
  it('takes a drop without a chance as every match, and leaves latency what does not fail', () => {
    assert.deepEqual(sharesOf(parse({ dropConnection: true, latencyChance: 1, latencyDuration: '1s' })), {
      error: 0,
      drop: 1,
      latency: 0,
    });
    assert.deepEqual(sharesOf(parse({ errorChance: 0.5, latencyChance: 0.5, latencyDuration: '1s' })), {
      error: 0.5,
      drop: 0,
      latency: 0.25,
    });
    assert.deepEqual(sharesOf(parse({ latencyChance: 1 })), { error: 0, drop: 0, latency: 0 });
  });

  const sentences: readonly [Record<string, unknown>, string, string][] = [
    [
      { latencyChance: 1, latencyDuration: '500ms' },
      '/charge*',
      'Every request to /charge* waits 500ms before it goes on.',
    ],
    [{ latencyChance: 0.3, latencyDuration: '2s' }, 'all', '30 % of the requests wait 2s before they go on.'],
    [{ errorChance: 0.7, errorCode: 503 }, '/charge', '70 % of the requests to /charge are answered with 503.'],
    [{ errorChance: 1 }, '*', 'Every request is answered with 500.'],
    [{ dropConnection: true }, '/a', 'Every request to /a loses its connection.'],
    [{ dropConnection: true, errorChance: 0.25 }, '/a', '25 % of the requests to /a lose their connection.'],
    [
      { errorChance: 0.1, latencyChance: 1, latencyDuration: '1s' },
      '/a',
      '10 % of the requests to /a are answered with 500; the others wait 1s before they go on.',
    ],
    [
      { errorChance: 0.1, latencyChance: 0.5, latencyDuration: '1s' },
      '/a',
      '10 % of the requests to /a are answered with 500; 50 % of the others wait 1s before they go on.',
    ],
    [{ throttleRate: 5 }, '/a', 'At most 5 requests to /a pass per second and the rest are answered with 429.'],
    [
      { throttleRate: 5, errorChance: 0.1, latencyChance: 1, latencyDuration: '1s' },
      '/a',
      '10 % of the requests to /a are answered with 500; at most 5 of the others pass per second and the rest are ' +
        'answered with 429; those that pass wait 1s before they go on.',
    ],
    [
      { errorChance: 1, matchHeaders: { 'x-canary': 'true' } },
      '/a',
      'Every request to /a with header x-canary: true is answered with 500.',
    ],
    [{}, '/a', 'Requests to /a go on as they came.'],
  ];
  for (const [fields, target, expected] of sentences) {
    it(expected, () => assert.equal(httpManifest.explain(parse(fields), target), expected));
  }
});
