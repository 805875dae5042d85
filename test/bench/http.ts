import { createServer } from 'node:net';
import { type Figure, quantile } from './figure.ts';
import { Part } from './processes.ts';
import { findToxiproxy } from './toxiproxy.ts';

/**
 * Many short rounds that alternate between the ways, each beginning with another one: a change of the machine's mood
 * then meets all of them alike.
 */
const ROUNDS = 24;
const ROUND_MS = 500;
const CONNECTIONS = 32;
const IDLE_POLICIES = 100;

/** One way to the upstream: directly, or through a proxy in a process of its own. */
interface Way {
  readonly name: string;
  readonly port: number;
  readonly proxy: Part | undefined;
}
interface Outcome {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
  /** CPU seconds of the proxy. */
  readonly cpu: number;
}

/** Pass-through, alone and with policies that do not match, against the direct way and against Toxiproxy without toxics. */
export async function run(say: (line: string) => void): Promise<readonly Figure[]> {
  using stack = new DisposableStack();
  const upstream = stack.use(Part.node('upstream.ts'));
  const load = stack.use(Part.node('load.ts'));
  const target = (await upstream.answer<{ port: number }>()).port;
  const wireWay = async (name: string, policies: number): Promise<Way> => {
    const proxy = stack.use(Part.node('wire.ts', String(target), String(policies)));
    return { name, port: (await proxy.answer<{ port: number }>()).port, proxy };
  };
  const ways: Way[] = [{ name: 'direct', port: target, proxy: undefined }];
  const toxiproxy = await findToxiproxy(say);
  if ('path' in toxiproxy) ways.push(await startToxiproxy(toxiproxy.path, target, stack));
  else say(`no comparison with Toxiproxy: ${toxiproxy.missing}`);
  ways.push(await wireWay('firebreak', 0), await wireWay(`firebreak, ${IDLE_POLICIES} policies`, IDLE_POLICIES));

  const outcomes = new Map<Way, Outcome[]>(ways.map((way) => [way, []]));
  // Warms up caches and compilers.
  for (const way of ways) await measure(load, way, 2 * ROUND_MS);
  say(`${ROUNDS} rounds of ${ROUND_MS} ms for each of ${ways.length} ways`);
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < ways.length; i++) {
      const way = ways[(i + round) % ways.length] as Way;
      outcomes.get(way)?.push(await measure(load, way, ROUND_MS));
    }
  }
  return [...ways.flatMap((way) => figuresOf(way, outcomes.get(way) ?? [])), ...ratios(ways, outcomes)];
}

async function measure(load: Part, { port, proxy }: Way, ms: number): Promise<Outcome> {
  const before = proxy?.cpu() ?? Number.NaN;
  const result = await load.ask<{ requests: number; seconds: number; p50: number; p99: number }>({ port, connections: CONNECTIONS, ms });
  const used = (proxy?.cpu() ?? Number.NaN) - before;
  return { rate: result.requests / result.seconds, requests: result.requests, p50: result.p50, p99: result.p99, cpu: used };
}

async function startToxiproxy(path: string, upstream: number, stack: DisposableStack): Promise<Way> {
  const [control, listen] = [await freePort(), await freePort()];
  const proxy = stack.use(new Part(path, ['-host', '127.0.0.1', '-port', String(control)], true));
  const body = JSON.stringify({ name: 'bench', listen: `127.0.0.1:${listen}`, upstream: `127.0.0.1:${upstream}`, enabled: true });
  for (let attempt = 0; ; attempt++) {
    try {
      const answer = await fetch(`http://127.0.0.1:${control}/proxies`, { method: 'POST', body });
      if (!answer.ok) throw new Error(`Toxiproxy refused the proxy: ${await answer.text()}`);
      return { name: 'toxiproxy', port: listen, proxy };
    } catch (error) {
      if (attempt >= 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
/** CPU seconds for 100,000 requests over all rounds: one round alone is too short for the ticks in which CPU is counted. */
const cpuOf = (rounds: readonly Outcome[]): number =>
  (100_000 * rounds.reduce((sum, { cpu }) => sum + cpu, 0)) / rounds.reduce((sum, { requests }) => sum + requests, 0);
const median = (values: readonly number[]): number => quantile(values, 0.5);
const figure = (metric: string, value: number, unit: string): Figure => ({ bench: 'http', metric, value, unit });

function figuresOf({ name, proxy }: Way, rounds: readonly Outcome[]): Figure[] {
  const of = (key: keyof Outcome): number => median(rounds.map((outcome) => outcome[key]));
  const figures = [
    figure(`${name}, rate`, round(of('rate'), 0), 'requests/s'),
    figure(`${name}, p50`, round(of('p50'), 3), 'ms'),
    figure(`${name}, p99`, round(of('p99'), 3), 'ms'),
  ];
  if (proxy === undefined) return figures;
  figures.push(figure(`${name}, cpu`, round(cpuOf(rounds), 2), 's/100k requests'), figure(`${name}, memory`, round(proxy.memory(), 0), 'MB'));
  return figures;
}

/** The median of the ratios of neighbouring rounds: steadier than a ratio of medians on a shared machine. */
function ratios(ways: readonly Way[], outcomes: ReadonlyMap<Way, readonly Outcome[]>): Figure[] {
  const toxiproxy = ways.find(({ name }) => name === 'toxiproxy');
  if (toxiproxy === undefined) return [];
  const base = outcomes.get(toxiproxy) ?? [];
  return ways
    .filter(({ proxy }) => proxy !== undefined && proxy !== toxiproxy.proxy)
    .flatMap((way) => {
      const own = outcomes.get(way) ?? [];
      const rate = median(own.map((outcome, i) => outcome.rate / (base[i]?.rate ?? Number.NaN)));
      return [
        figure(`${way.name} to toxiproxy, rate`, round(rate, 3), 'ratio'),
        figure(`${way.name} to toxiproxy, cpu`, round(cpuOf(own) / cpuOf(base), 3), 'ratio'),
      ];
    });
}
