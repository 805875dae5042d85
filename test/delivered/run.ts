import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineIn } from '../../engine/test-engine.ts';
import { startService } from '../support/service.ts';
import { type Case, type Measured } from './case.ts';
import { CASES } from './cases.ts';

/**
 * `npm run delivered [-- FAULT... FILE.md]`: every fault with a number on a real target, through the whole engine, and what it delivered of
 * what was asked for. Writes the table of the docs.
 */
const file = process.argv.find((argument) => argument.endsWith('.md')) ?? join(import.meta.dirname, '../../assets/docs/delivered.md');
const DURATION_MS = 10_000;
const never = new AbortController().signal;

async function measure(one: Case): Promise<readonly Measured[]> {
  if ('measured' in one) return one.measured();
  await using stack = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), 'firebreak-delivered-'));
  stack.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  const { api } = stack.use(await engineIn(dir));
  const world = stack.use(await one.stage());
  const text = (routes: string, steady: string): string => `version: 1
name: delivered
seed: 42
${routes === '' ? '' : `routes:\n${routes}\n`}policies:
  - { name: one, ${world.policy} }
experiment:
  hypothesis: What is asked for is delivered.
  duration: 10s
  baseline: 1s
  steady_state:
    - { name: steady, probe: { type: http, url: "http://${steady}/", every: 500ms, timeout: 5s }, expect: success_rate > 0 }
`;
  const steady = stack.use(await startService((_request, response) => response.end('ok')));
  const whole = text(world.routes ?? '', steady.address);
  const read = await api.queries.validate({ text: whole, file: 'delivered.yaml', routes: [] }, never);
  if (!read.ok) throw new Error(JSON.stringify(read.issues));
  const routes = read.summary.routes.length === 0 ? [] : await api.commands.openRoutes({ routes: read.summary.routes }, never);
  if (routes[0] !== undefined && world.busy !== undefined) stack.use(await world.busy(routes[0].listen));
  const { run } = await api.commands.run({ text: whole, file: 'delivered.yaml', overrides: { durationMs: DURATION_MS, baselineMs: 500, recoveryMs: 20_000 }, routes }, never);
  const outcome = await api.queries.outcome({ run }, never);
  if (outcome.faults.length === 0) throw new Error(`${one.name}: ${outcome.verdict}, ${outcome.reason}`);
  return outcome.faults.map(({ effect, reverted }) => ({ name: '', effect, reverted }));
}

const shown = (value: number | null): string => (value === null ? 'not measured' : String(Number(value.toPrecision(4))));
const rows: string[] = [];
let bad = 0;
const only = process.argv.slice(2).filter((argument) => !argument.endsWith('.md'));
for (const one of CASES.filter(({ name }) => only.length === 0 || only.some((word) => name.startsWith(word)))) {
  if (one.skip !== undefined && one.skip !== false) {
    process.stderr.write(`${one.name}: skipped, ${one.skip}\n`);
    rows.push(`| ${one.name} | | not here: ${one.skip} | | |`);
    continue;
  }
  for (const { name: which, effect, reverted } of await measure(one)) {
    const fault = which === '' ? one.name : `${one.name}: ${which}`;
    if (!effect.bitten || !reverted) bad++;
    process.stderr.write(`${fault}: ${effect.detail}${effect.bitten ? '' : ' (did not bite)'}${reverted ? '' : ' (NOT reverted)'}\n`);
    for (const { name, unit, requested, delivered, samples } of effect.figures) {
      const off = delivered === null || requested === null || requested === 0 ? '' : `${((delivered / requested - 1) * 100).toFixed(1)} %`;
      rows.push(`| ${fault} | ${name}, ${unit} | ${requested === null ? '–' : shown(requested)} | ${shown(delivered)} | ${off} | ${samples} |`);
    }
  }
}
writeFileSync(file, `# Requested against delivered

Made by \`npm run delivered\`: each fault through the whole engine, for ${DURATION_MS / 1_000} s, on a real target of its own; the last measurement of
the run. Measured on ${cpus().length} cores of ${cpus()[0]?.model.trim() ?? arch()}, Linux ${release()}, Node ${process.versions.node}.

| fault | figure | requested | delivered | off by | samples |
|---|---|---|---|---|---|
${rows.join('\n')}
`);
process.stderr.write(`${file}: ${rows.length} figures\n`);
process.exitCode = bad === 0 ? 0 : 1;
