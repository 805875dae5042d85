import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../kernel/clock.ts';
import { createBus } from './bus.ts';
import { ended, faultEvent, injected, started } from './fixtures.ts';
import { MAX_LABEL, shortLabel } from './labels.ts';
import { createMetrics, MOST_TARGETS, type RouteTotals } from './metrics.ts';

const route = (over: Partial<RouteTotals> = {}): RouteTotals => ({
  name: 'payments',
  protocol: 'http',
  requests: 100,
  faults: 30,
  errors: 10,
  drops: 5,
  latencies: 15,
  active: 4,
  ...over,
});
function setup(routes: () => readonly RouteTotals[] = () => []) {
  const bus = createBus(new VirtualClock());
  const metrics = createMetrics({ bus, routes });
  const lines = async (): Promise<string[]> =>
    (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { bus, metrics, lines };
}

test('faults on the machine are counted by type, target and kind', async () => {
  const { bus, lines } = setup();
  bus.publish('r', faultEvent());
  bus.publish('r', injected('killed process 4711 (worker)'));
  bus.publish('r', injected('killed process 4712 (worker)', 2));
  bus.publish('r', injected('Stopped process 4713'));
  bus.publish('r', injected('42'));
  const text = await lines();
  for (const [kind, total] of [
    ['killed', 3],
    ['stopped', 1],
    ['fault', 1],
  ]) {
    assert.ok(
      text.includes(`chaos_faults_total{type="process",target="process 4711 (worker)",kind="${kind}"} ${total}`),
      kind as string,
    );
  }
});

test('faults on the wire come from the counters of the routes, read at each scrape and counted once', async () => {
  let totals = route();
  const { bus, lines } = setup(() => [totals]);
  bus.publish('r', faultEvent({ type: 'http' }));
  bus.publish('r', injected('latency', 15));
  assert.deepEqual(
    (await lines()).filter((line) => line.startsWith('chaos_faults_total')),
    [
      'chaos_faults_total{type="http",target="payments",kind="latency"} 15',
      'chaos_faults_total{type="http",target="payments",kind="error"} 10',
      'chaos_faults_total{type="http",target="payments",kind="drop"} 5',
    ],
  );
  totals = route({ requests: 250, errors: 40, active: 0 });
  const again = await lines();
  for (const line of [
    'chaos_faults_total{type="http",target="payments",kind="error"} 40',
    'chaos_requests_total{route="payments"} 250',
    'chaos_connections{route="payments"} 0',
  ]) {
    assert.ok(again.includes(line), line);
  }
});

test('status, blast radius, verdicts, recovery and HALT', async () => {
  const { bus, metrics, lines } = setup();
  bus.publish('r-1', started());
  bus.publish('r-1', faultEvent({ id: 'f-1' }));
  bus.publish('r-1', faultEvent({ id: 'f-2', state: 'reverting' }));
  let text = await lines();
  assert.ok(
    text.includes('chaos_experiment_status{experiment="game"} 1') &&
      text.includes('chaos_blast_radius{type="process"} 2'),
  );
  bus.publish('r-1', faultEvent({ id: 'f-1', state: 'clean', reverted: true }));
  bus.publish('r-1', faultEvent({ id: 'f-2', state: 'unconfirmed' }));
  bus.publish('r-1', { kind: 'halt', by: 'test', tookMs: 12 });
  bus.publish('r-1', ended);
  metrics.recovered(1_500);
  text = await lines();
  for (const line of [
    'chaos_experiment_status{experiment="game"} 0',
    'chaos_blast_radius{type="process"} 0',
    'chaos_runs_total{verdict="held"} 1',
    'chaos_recovery_time_seconds_bucket{le="1"} 0',
    'chaos_recovery_time_seconds_bucket{le="2"} 1',
    'chaos_recovery_time_seconds_sum 1.5',
    'chaos_halt_latency_seconds_bucket{le="0.01"} 0',
    'chaos_halt_latency_seconds_bucket{le="0.025"} 1',
  ])
    assert.ok(text.includes(line), line);
});

test('labels are at most 64 characters, and their number is bounded', async () => {
  const { bus, lines } = setup();
  bus.publish('r', faultEvent());
  const many = MOST_TARGETS + 300;
  for (let index = 0; index < many; index++)
    bus.publish('r', injected('killed', 1, { target: `target ${index} ${'x'.repeat(200)}` }));
  for (let index = 0; index < 500; index++) bus.publish('r', started(`experiment ${index}`));
  const text = await lines();
  const series = text.filter((line) => line.startsWith('chaos_faults_total'));
  assert.equal(series.length, MOST_TARGETS + 1);
  assert.ok(series.includes(`chaos_faults_total{type="process",target="other",kind="killed"} ${many - MOST_TARGETS}`));
  assert.ok(text.filter((line) => line.startsWith('chaos_experiment_status')).length <= 51);
  for (const line of text)
    for (const [, value] of line.matchAll(/="([^"]*)"/g)) assert.ok((value ?? '').length <= MAX_LABEL, line);
  assert.equal(shortLabel(`${'x'.repeat(63)}😀`), 'x'.repeat(63));
});

test('two engines in one process do not mix, and a disposed one counts no more', async () => {
  const [one, two] = [setup(), setup()];
  one.bus.publish('r', ended);
  assert.ok((await one.lines()).includes('chaos_runs_total{verdict="held"} 1'));
  assert.ok(!(await two.lines()).some((line) => line.startsWith('chaos_runs_total{')));
  one.metrics[Symbol.dispose]();
  one.bus.publish('r', ended);
  assert.deepEqual(await one.lines(), []);
});
