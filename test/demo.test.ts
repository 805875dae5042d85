import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { engineEvent } from '../engine/contract/models.ts';
import { REAL, cli, folder } from './cli/process.ts';

/** The experiments of the library on the demo shop, through the command line, as a pipeline would run them. */

const line = z.object({
  run: z.string(),
  verdict: z.string(),
  exit_code: z.int(),
  reason: z.string(),
  phases: z.array(z.object({ name: z.string(), start: z.number(), end: z.number() })),
  faults: z.array(
    z.object({
      requested: z.record(z.string(), z.number()),
      delivered: z.record(z.string(), z.number().nullable()),
      reverted: z.boolean(),
    }),
  ),
  breach: z.object({ seq: z.int() }).nullable(),
  reverted: z.boolean(),
  reports: z.array(z.string()),
});

async function run(name: string, ...args: string[]) {
  const dir = folder();
  const out = join(dir.path, 'out');
  const file = resolve(import.meta.dirname, `../assets/experiments/${name}.yaml`);
  const env = { FIREBREAK_HOME: join(dir.path, 'state') };
  const done = await cli(REAL, ['run', file, '--demo', '--report-dir', out, '--json', ...args], env);
  const lines = done.out.trim().split('\n').map((text): unknown => JSON.parse(text));
  const events = lines.slice(0, -1).map((event) => engineEvent.parse(event));
  const open = await cli(REAL, ['recover', '--json'], env);
  return { code: done.code, verdict: line.parse(lines.at(-1)), events, out, open: open.out.trim(), [Symbol.dispose]: () => dir[Symbol.dispose]() };
}

const poppler = spawnSync('pdftotext', ['-v']).error === undefined;
const textOf = (pdf: string): string => execFileSync('pdftotext', ['-layout', pdf, '-'], { encoding: 'utf8' });

describe('experiments on the demo', { concurrency: 1, timeout: 600_000 }, () => {
  test('slow payments: held, delivered within 5 %, reverted, with a PDF of two pages or more', async (t) => {
    using result = await run('slow-payments', '--duration', '20s');
    const { verdict } = result;
    assert.equal(verdict.verdict, 'held', verdict.reason);
    assert.equal(result.code, 0);
    assert.equal(verdict.exit_code, 0);
    const [fault] = verdict.faults;
    const asked = fault?.requested['latency_ms'];
    const got = fault?.delivered['latency_ms'];
    assert.equal(asked, 500);
    assert.ok(typeof got === 'number' && Math.abs(got - 500) <= 25, `delivered ${got} ms`);
    assert.equal(verdict.reverted, true);
    const observe = verdict.phases.find(({ name }) => name === 'observe');
    // Phases are told in wall-clock time, which may be set back a little while they last.
    assert.ok(observe !== undefined && observe.end - observe.start >= 19_900);
    assert.equal(result.open, '[]');
    assert.deepEqual(readdirSync(result.out).map((name) => name.split('.').at(-1)).sort(), ['json', 'md', 'pdf']);
    const pdf = verdict.reports.find((path) => path.endsWith('.pdf')) ?? '';
    assert.ok(statSync(pdf).size > 10_000);
    const pages = readFileSync(pdf, 'latin1').match(/\/Type \/Page\b/g)?.length ?? 0;
    assert.ok(pages >= 2, `${pages} pages`);
    if (!poppler) return t.diagnostic('the text of the PDF was not searched: pdftotext is not installed');
    const text = textOf(pdf);
    for (const wanted of ['slow-payments', 'Checkout keeps 95', 'Held', '/charge*', 'Undo proof']) assert.ok(text.includes(wanted), wanted);
  });

  test('payments outage: aborts by itself within one poll + 1 s of the breach, and the report names the sample', async () => {
    using result = await run('payments-outage', '--duration', '60s');
    const { verdict, events } = result;
    assert.equal(verdict.verdict, 'aborted', verdict.reason);
    assert.equal(result.code, 3);
    // The condition must hold for 1 s; the first sample that met it starts that second.
    const under = events.flatMap(({ body, at }) => (body.kind === 'sample' ? [{ at, rate: body.sample.figures['success_rate'] ?? 1, seq: body.sample.seq }] : []));
    const first = under.find(({ rate }) => rate < 0.95);
    const breach = events.find(({ body }) => body.kind === 'breach');
    const reverted = events.find(({ body }) => body.kind === 'fault' && body.fault.state === 'clean');
    assert.ok(first !== undefined && breach !== undefined && reverted !== undefined);
    const condition = 1_000;
    const poll = 200;
    const late = reverted.at - (first.at + condition);
    assert.ok(late <= poll + 1_000, `everything was put back ${late} ms after the condition had held for its time`);
    assert.ok(verdict.breach !== null && verdict.reason.includes(`sample ${verdict.breach.seq}`));
    const markdown = readFileSync(verdict.reports.find((path) => path.endsWith('.md')) ?? '', 'utf8');
    assert.match(markdown, new RegExp(`\\b${verdict.breach.seq}\\b`));
    assert.equal(result.open, '[]');
  });

  test('cascading failure: a ledger that is late stops the sales, three services away', async () => {
    using result = await run('cascading-failure', '--duration', '40s');
    const { verdict } = result;
    assert.deepEqual([verdict.verdict, result.code, verdict.reverted, result.open], ['aborted', 3, true, '[]'], verdict.reason);
    assert.match(verdict.reason, /success_rate < 0.5/);
  });

  test('wrong port: the fault cannot bite, so nothing is claimed', async () => {
    using result = await run('wrong-port', '--duration', '3s');
    assert.equal(result.verdict.verdict, 'inconclusive', result.verdict.reason);
    assert.equal(result.code, 4);
    assert.equal(result.verdict.reverted, true);
    assert.equal(result.open, '[]');
  });

  test('a steady state that does not hold beforehand: nothing is injected, and the reason is given', async () => {
    using result = await run('broken-steady-state');
    assert.equal(result.verdict.verdict, 'refuted');
    assert.equal(result.code, 1);
    assert.deepEqual(result.verdict.faults, []);
    assert.ok(!result.events.some(({ body }) => body.kind === 'fault'));
    assert.match(result.verdict.reason, /Nothing was injected/);
  });

  test('the machine: a processor burnt on purpose, and a frozen ledger that continues', async () => {
    using burn = await run('cpu-burn', '--duration', '6s');
    assert.equal(burn.verdict.reverted, true, burn.verdict.reason);
    assert.equal(burn.open, '[]');
    using frozen = await run('frozen-ledger', '--duration', '10s');
    assert.equal(frozen.verdict.reverted, true, frozen.verdict.reason);
    assert.equal(frozen.open, '[]');
  });
});
