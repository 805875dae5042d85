import { spawn } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { type Bench, type Figure } from './figure.ts';
import { type Judged, judge, unmeasured } from './targets.ts';

/**
 * `npm run bench [-- NAME...]`: runs the benches one after the other, each in a process of its own, and prints each
 * figure as a JSON line and all of them as a table; without names all but the soak. Exit code 1 when a bench failed; a
 * missed target is shown, and is no failure of the bench.
 */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  policy: () => import('./policy.ts'),
  conditions: () => import('./conditions.ts'),
  http: () => import('./http.ts'),
  http2: () => import('./http2.ts'),
  redis: () => import('./redis.ts'),
  postgres: () => import('./postgres.ts'),
  grpc: () => import('./grpc.ts'),
  kafka: () => import('./kafka.ts'),
  bulk: () => import('./bulk.ts'),
  idle: () => import('./idle.ts'),
  delay: () => import('./delay.ts'),
  halt: () => import('./halt.ts'),
  cpu: () => import('./cpu.ts'),
  kernel: () => import('./kernel.ts'),
  room: () => import('./room.ts'),
  soak: () => import('./soak.ts'),
};
/** Takes an hour: only when it is named. */
const APART = ['soak'];
/** Large enough that nothing a bench measures is swept away while it is measured. */
const HEAP = ['--expose-gc', '--min-semi-space-size=128', '--max-semi-space-size=128'];
const CHILD = '--in-this-process';
/** No bench may hang the whole, milliseconds: Toxiproxy's build is the longest step. */
const LIMIT = 600_000;
/** The soak may take as long as it was asked to, and half as much again. */
const limitOf = (name: string): number => LIMIT + (name === 'soak' ? Number(process.env['SOAK_MINUTES'] ?? 60) * 90_000 : 0);

const asked = process.argv.slice(2);
if (asked[0] === CHILD) await runHere(asked[1] ?? '');
else await runAll(asked.length > 0 ? asked : Object.keys(BENCHES).filter((name) => !APART.includes(name)));

async function runHere(name: string): Promise<void> {
  const bench = await BENCHES[name]?.();
  const figures = (await bench?.run((line) => process.stderr.write(`${name}: ${line}\n`))) ?? [];
  for (const figure of figures) process.stdout.write(`${JSON.stringify(figure)}\n`);
}

async function runAll(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !(name in BENCHES));
  if (unknown.length > 0) {
    process.stderr.write(`no such bench: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const judged: Judged[] = [];
  const failed: string[] = [];
  for (const name of names) {
    const code = await runApart(name, (figure) => {
      const one = judge(figure);
      judged.push(one);
      process.stdout.write(`${JSON.stringify(one)}\n`);
    });
    if (code !== 0) failed.push(name);
  }
  process.stdout.write(table(names, judged));
  for (const name of failed) process.stdout.write(`bench ${name} FAILED; its figures are missing or incomplete\n`);
  if (failed.length > 0) process.exitCode = 1;
}

function runApart(name: string, take: (figure: Figure) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const args = ['--disable-warning=ExperimentalWarning', ...HEAP, import.meta.filename, CHILD, name];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: limitOf(name),
      killSignal: 'SIGKILL',
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) take(JSON.parse(line) as Figure);
      else process.stderr.write(`${line}\n`);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

function table(names: readonly string[], judged: readonly Judged[]): string {
  const rows = judged.map(({ bench, metric, value, unit, target, met }) => [
    bench,
    metric,
    String(value),
    unit,
    target ?? '',
    met === undefined ? '' : met ? 'met' : 'MISSED',
  ]);
  const open = unmeasured(names, judged).map(({ bench, metric, target }) => [
    bench,
    metric,
    '-',
    '',
    target,
    'NOT MEASURED',
  ]);
  const all = [['bench', 'metric', 'value', 'unit', 'target', ''], ...rows, ...open];
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = all.map((row) =>
    row
      .map((cell, column) => (column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  const missed = judged.filter(({ met }) => met === false).length;
  const processor = cpus()[0]?.model ?? 'unknown processor';
  const machine = `${processor}, ${availableParallelism()} cores, Node ${process.version}`;
  const verdict =
    missed + open.length === 0 ? 'Every target met.' : `Targets missed: ${missed}; not measured: ${open.length}.`;
  return `\n${machine}\n\n${lines.join('\n')}\n\n${verdict}\n`;
}
