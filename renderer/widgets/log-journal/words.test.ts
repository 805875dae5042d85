import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventLine, gapLine, messageLine } from '../../stores/lines.ts';
import { indexOf, lastOf, scrolledFor, stepped } from './select.ts';
import { calledOf, exactTime, figureOf, jsonOf, mayNameHost, textOf, traceLink, written } from './words.ts';

const at = Date.UTC(2026, 10, 21, 14, 3, 27, 125);
const message = {
  seq: 1,
  at,
  route: 'payments',
  protocol: 'http',
  method: 'POST',
  target: '/charge',
  action: 'latency',
  policy: 'slow',
  delayMs: 512.4,
  status: null,
  traceId: '4bf9',
  requestId: '',
  head: 'POST',
} as const;

test('a line is copied as text that says who, what and why, and as the JSON that the engine told', () => {
  assert.equal(
    textOf(messageLine(message)),
    '2026-11-21T14:03:27.125Z payments http POST /charge latency 512 ms policy=slow trace=4bf9',
  );
  assert.deepEqual(JSON.parse(jsonOf(messageLine(message))), message);
  const event = { seq: 3, at, run: 'r-1', body: { kind: 'halt', by: 'a key', tookMs: 4 } } as const;
  assert.equal(textOf(eventLine(event)), '2026-11-21T14:03:27.125Z run r-1 event halt HALT by a key halted 4 ms');
  assert.deepEqual(JSON.parse(jsonOf(eventLine(event))), event);
  assert.deepEqual(JSON.parse(jsonOf(gapLine(7, at))), { at, leftOut: 7 });
});

test('a statement begins with its verb, which is not said twice; an SQLSTATE stands where a status would', () => {
  const sql = {
    ...message,
    protocol: 'sql',
    method: 'SELECT',
    target: 'SELECT ?',
    action: 'error',
    code: '40001',
  } as const;
  assert.equal(
    textOf(messageLine(sql)),
    '2026-11-21T14:03:27.125Z payments sql SELECT ? error 40001 policy=slow trace=4bf9',
  );
  assert.deepEqual(calledOf({ method: 'SELECT', target: 'SELECTED' }), ['SELECT', 'SELECTED']);
  assert.deepEqual(calledOf({ method: 'COMMIT', target: 'COMMIT' }), ['COMMIT']);
});

test('a topic, queue, collection or table with dots is no host; what a TLS client asks for is one, and a path may hold one', () => {
  for (const protocol of ['kafka', 'rabbitmq', 'mongo', 'sql']) {
    assert.equal(mayNameHost({ protocol, method: 'any' }), false, protocol);
    assert.equal(mayNameHost({ protocol, method: 'HANDSHAKE' }), true, protocol);
  }
  for (const protocol of ['http', 'grpc', 'redis', 'tcp', 'event', '']) {
    assert.equal(mayNameHost({ protocol, method: 'any' }), true, protocol);
  }
});

test('many lines are written in pieces, each on a line of its own', async () => {
  let rests = 0;
  const lines = Array.from({ length: 1_200 }, () => messageLine(message));
  const text = await written(lines, jsonOf, async () => void rests++);
  assert.equal(text.split('\n').length, 1_200);
  assert.equal(rests, 2);
});

test('a status says more than a delay, and nothing stands where nothing was measured', () => {
  assert.equal(figureOf(messageLine(message)), '512 ms');
  assert.equal(figureOf(messageLine({ ...message, action: 'error', delayMs: 0, status: 503 })), '503');
  assert.equal(figureOf(messageLine({ ...message, action: 'drop', delayMs: 0 })), '');
});

test('a time is exact to the millisecond in both zones', () => {
  assert.equal(exactTime(at, 'utc'), '2026-11-21 14:03:27.125 UTC');
  assert.match(exactTime(at, 'local'), /^2026-11-2[12] \d\d:\d\d:27\.125 UTC/);
});

test('only a page of the web is linked to, with the id escaped', () => {
  assert.equal(traceLink('https://traces/x?id={trace}', 'a b'), 'https://traces/x?id=a%20b');
  for (const template of ['', 'https://traces/', 'javascript:alert("{trace}")', 'file:///{trace}', '{trace}'])
    assert.equal(traceLink(template, 'ab'), undefined, template);
  assert.equal(traceLink('https://traces/{trace}', ''), undefined);
});

test('the selection is found by number and moved by keys', () => {
  const lines = [3, 5, 9, 12].map((n) => ({ n }));
  assert.deepEqual(
    [3, 9, 12, 4, 0, 99].map((n) => indexOf(lines, n)),
    [0, 2, 3, -1, -1, -1],
  );
  assert.deepEqual(
    ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', 'x'].map((key) => stepped(key, 50, 100, 20)),
    [49, 51, 30, 70, 0, 99, undefined],
  );
  assert.deepEqual(
    ['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown'].map((key) => stepped(key, -1, 100, 20)),
    [99, 99, 80, 99],
    'from nowhere means from the end',
  );
  assert.equal(stepped('End', -1, 0, 20), undefined);
  assert.deepEqual(lastOf(5, 3), [2, 3, 4]);
  assert.deepEqual(lastOf(2, 3), [0, 1]);
});

test('a row that is in view moves nothing; one beyond an edge is brought just within it', () => {
  // Rows of 10, the head covers 10, a window of 60: five rows are seen, from top on.
  assert.deepEqual(
    [2, 4, 5, 1].map((index) => scrolledFor(index, 10, 0, 60)),
    [0, 0, 10, 0],
  );
  assert.equal(scrolledFor(1, 10, 40, 60), 10);
});
