import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TrafficLine } from '../../../engine/contract/room.ts';
import { type Line, eventLine, gapLine, messageLine } from '../../stores/lines.ts';
import { Choices, type Filter, matcherOf, readSearch } from './filter.ts';

const message = (over: Partial<TrafficLine> = {}): Line =>
  messageLine({
    seq: 1,
    at: 0,
    route: 'payments',
    protocol: 'http',
    method: 'POST',
    target: '/charge',
    action: 'error',
    policy: 'burn',
    delayMs: 0,
    status: 503,
    traceId: '4bf92f35',
    requestId: 'r-17',
    head: 'POST /charge HTTP/1.1\r\nAccept: text/plain',
    ...over,
  });
const said = eventLine({ seq: 1, at: 0, run: '', body: { kind: 'log', level: 'warn', text: 'a route is busy' } });
const polled = eventLine({
  seq: 2,
  at: 0,
  run: 'r-1',
  body: {
    kind: 'sample',
    sample: {
      seq: 1,
      at: 0,
      probe: 'checkout',
      phase: 'observe',
      ok: true,
      latency: 3,
      error: '',
      figures: {},
      held: true,
    },
  },
});
const OPEN: Filter = { source: '', protocol: '', method: '', touched: false, passing: true, samples: true, search: '' };
const finds = (line: Line, filter: Partial<Filter>): boolean => matcherOf({ ...OPEN, ...filter })(line);

test('source, protocol and method narrow one after the other', () => {
  assert.ok(finds(message(), { source: 'payments', protocol: 'http', method: 'POST' }));
  for (const other of [{ source: 'orders' }, { source: 'payments', protocol: 'sql' }, { method: 'GET' }])
    assert.ok(!finds(message(), other));
  assert.ok(finds(said, { source: 'engine', protocol: 'event', method: 'log' }));
  assert.ok(finds(polled, { source: 'run r-1' }));
});

test('untouched messages and polls are shown when asked for; under fault is what a fault has to do with', () => {
  const passed = message({ action: 'pass', policy: '', status: null });
  assert.ok(finds(passed, {}) && !finds(passed, { passing: false }) && !finds(passed, { touched: true }));
  assert.ok(finds(polled, {}) && !finds(polled, { samples: false }));
  assert.ok(finds(message(), { passing: false, touched: true }));
  assert.ok(!finds(said, { touched: true }));
});

test('a gap is told wherever messages could be missing, and nowhere else', () => {
  const gap = gapLine(132, 0);
  assert.match(gap.target, /^132 messages not shown/);
  assert.ok(finds(gap, {}) && finds(gap, { source: 'payments', touched: true }));
  for (const other of [{ source: 'engine' }, { source: 'run r-1' }, { protocol: 'event' }, { search: 'charge' }])
    assert.ok(!finds(gap, other));
});

test('text is looked for in what is shown, in the payload and in the ids, upper or lower case', () => {
  for (const search of ['CHARGE', 'burn', 'text/plain', 'r-17', '4BF92F', '/^/ch[a-z]+$/', '/HTTP\\/1\\.[01]/'])
    assert.ok(finds(message(), { search }), search);
  for (const search of ['ch.rge', 'nothing', '/^charge$/', '(', '[a-z]'])
    assert.ok(!finds(message(), { search }), search);
  assert.ok(finds(said, { search: 'busy' }));
});

test('a bad expression is told in a few words; one that might run for ever is refused', () => {
  const bad = readSearch('/a(b/');
  assert.deepEqual(bad, { ok: false, message: 'Unterminated group' });
  for (const runaway of ['/(a+)+$/', '/(\\d+x?)*y/', '/(a{2,})+/'])
    assert.equal(readSearch(runaway).ok, false, runaway);
  for (const fine of ['/a+b*/', '/(ab)+/', '/(a+|b)?/', '//', '/', '(a+)+'])
    assert.equal(readSearch(fine).ok, true, fine);
});

test('choices follow from what was seen', () => {
  const choices = new Choices();
  for (const line of [
    message(),
    message({ route: 'ledger', protocol: 'sql', method: 'SELECT' }),
    message({ method: 'GET' }),
    said,
    gapLine(1, 0),
  ])
    choices.see(line);
  assert.deepEqual(choices.sources(), ['engine', 'ledger', 'payments']);
  assert.deepEqual(choices.protocols(''), ['event', 'http', 'sql']);
  assert.deepEqual(choices.protocols('payments'), ['http']);
  assert.deepEqual(choices.methods('payments', ''), ['GET', 'POST']);
  assert.deepEqual(choices.methods('', 'sql'), ['SELECT']);
  assert.deepEqual(choices.methods('nobody', ''), []);
  const { version } = choices;
  choices.see(message());
  assert.equal(choices.version, version, 'nothing new');
  for (let i = 0; i < 1_000; i++) choices.see(message({ method: `X${i}` }));
  assert.ok(choices.methods('payments', 'http').length <= 200, 'names that others choose are bounded');
});
