import type { Protocol } from '../../engine/contract/models.ts';
import { freePort } from '../lab/server.ts';
import { type Figure, quantile } from './figure.ts';
import { Part } from './processes.ts';
import { findToxiproxy } from './toxiproxy.ts';

/** One way to the upstream: directly, or through a proxy in a process of its own. */
export interface Way {
  readonly name: string;
  readonly port: number;
  readonly proxy: Part | undefined;
}

/** What one round over one way gave. */
export interface Round {
  /** What was done: requests, commands, bytes. */
  readonly done: number;
  readonly seconds: number;
  /** Further figures of the round, by their name. */
  readonly also?: Readonly<Record<string, number>>;
}
interface Outcome extends Round {
  /** CPU seconds of the proxy. */
  readonly cpu: number;
}

export interface Comparison {
  /** The name of the bench, and what is counted: `requests`. */
  readonly bench: string;
  readonly unit: string;
  /** What a rate is shown in, when it is not one unit a second: `{ unit: 'MB/s', per: 1e6 }`. */
  readonly rate?: { readonly unit: string; readonly per: number };
  /** CPU is told for this many units, called so. */
  readonly cpu: { readonly per: number; readonly called: string };
  /** Of the further figures of a round: their units. */
  readonly also?: Readonly<Record<string, string>>;
  readonly protocol: Protocol;
  /** The port of the upstream on the loopback address. */
  readonly upstream: number;
  readonly rounds: number;
  /** Rounds over each way before those that count, until caches are full and compilers done; 1 by default. */
  readonly warmUps?: number;
  /** One round over one way; `way` is told by its port. */
  readonly measure: (port: number) => Promise<Round>;
  /** What is put before the metrics, when a bench compares several times. */
  readonly prefix?: string;
  /** Ports of Toxiproxy's way, for an upstream that tells its clients by which address to come: free ones and `upstream` by default. */
  readonly toxiproxy?: ToxiproxyPorts;
}
export interface ToxiproxyPorts {
  readonly listen: number;
  /** What leads to the same upstream as `upstream` does. */
  readonly upstream: number;
}

/** The comparisons that are made with one server. */
export interface Series<Server extends AsyncDisposable> {
  /** Why there can be none on this machine, or false. */
  readonly lacks: string | false;
  readonly start: () => Promise<Server>;
  readonly comparisons: (server: Server) => readonly Comparison[];
}

/** Compares one after the other; no figures, and the reason said, where the server or its client is missing. */
export async function compareAll<Server extends AsyncDisposable>(series: Series<Server>, say: (line: string) => void): Promise<readonly Figure[]> {
  if (series.lacks !== false) {
    say(series.lacks);
    return [];
  }
  await using server = await series.start();
  const figures: Figure[] = [];
  for (const comparison of series.comparisons(server)) figures.push(...(await compare(comparison, say)));
  return figures;
}

/** Policies in force that take none of the messages. */
export const IDLE_POLICIES = 100;

/**
 * The direct way, Toxiproxy without toxics, Firebreak without policies and with some that do not match, in many rounds
 * that alternate between the ways, each beginning with another one: a change of the machine's mood meets all of them alike.
 */
export async function compare(comparison: Comparison, say: (line: string) => void): Promise<readonly Figure[]> {
  using stack = new DisposableStack();
  const { upstream, protocol, rounds, warmUps = 1, measure } = comparison;
  const ways: Way[] = [{ name: 'direct', port: upstream, proxy: undefined }];
  const toxiproxy = await findToxiproxy(say);
  if ('path' in toxiproxy) ways.push(await startToxiproxy(toxiproxy.path, comparison.toxiproxy ?? { listen: await freePort(), upstream }, stack));
  else say(`no comparison with Toxiproxy: ${toxiproxy.missing}`);
  for (const [name, policies] of [['firebreak', 0], [`firebreak, ${IDLE_POLICIES} policies`, IDLE_POLICIES]] as const) {
    const proxy = stack.use(Part.node('wire.ts', String(upstream), String(policies), protocol));
    ways.push({ name, port: (await proxy.answer<{ port: number }>()).port, proxy });
  }
  const outcomes = new Map<Way, Outcome[]>(ways.map((way) => [way, []]));
  const timed = async (way: Way): Promise<Outcome> => {
    const before = way.proxy?.cpu() ?? Number.NaN;
    const round = await measure(way.port);
    return { ...round, cpu: (way.proxy?.cpu() ?? Number.NaN) - before };
  };
  for (let round = 0; round < warmUps; round++) for (const way of ways) await timed(way);
  say(`${rounds} rounds for each of ${ways.length} ways`);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < ways.length; i++) {
      const way = ways[(i + round) % ways.length] as Way;
      outcomes.get(way)?.push(await timed(way));
    }
  }
  return [...ways.flatMap((way) => figuresOf(comparison, way, outcomes.get(way) ?? [])), ...ratios(comparison, ways, outcomes)];
}

async function startToxiproxy(path: string, { listen, upstream }: ToxiproxyPorts, stack: DisposableStack): Promise<Way> {
  const control = await freePort();
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

const short = (value: number): number => Number(value.toPrecision(4));
const rateOf = ({ done, seconds }: Outcome): number => done / seconds;
/** CPU seconds for a number of units over all rounds: one round alone is too short for the ticks in which CPU is counted. */
const cpuOf = (outcomes: readonly Outcome[], per: number): number =>
  (per * outcomes.reduce((sum, { cpu }) => sum + cpu, 0)) / outcomes.reduce((sum, { done }) => sum + done, 0);
const median = (values: readonly number[]): number => quantile(values, 0.5);

function figuresOf(comparison: Comparison, { name, proxy }: Way, outcomes: readonly Outcome[]): Figure[] {
  const { bench, unit, rate = { unit: `${unit}/s`, per: 1 }, cpu, also = {}, prefix = '' } = comparison;
  const figure = (metric: string, value: number, of: string): Figure => ({ bench, metric: `${prefix}${name}, ${metric}`, value: short(value), unit: of });
  const figures = [figure('rate', median(outcomes.map(rateOf)) / rate.per, rate.unit)];
  for (const [metric, of] of Object.entries(also)) figures.push(figure(metric, median(outcomes.map((one) => one.also?.[metric] ?? Number.NaN)), of));
  if (proxy === undefined) return figures;
  return [...figures, figure('cpu', cpuOf(outcomes, cpu.per), cpu.called), figure('memory', proxy.memory(), 'MB')];
}

/** The median of the ratios of neighbouring rounds: steadier than a ratio of medians on a shared machine. */
function ratios({ bench, cpu, prefix = '' }: Comparison, ways: readonly Way[], outcomes: ReadonlyMap<Way, readonly Outcome[]>): Figure[] {
  const toxiproxy = ways.find(({ name }) => name === 'toxiproxy');
  if (toxiproxy === undefined) return [];
  const base = outcomes.get(toxiproxy) ?? [];
  return ways
    .filter(({ proxy }) => proxy !== undefined && proxy !== toxiproxy.proxy)
    .flatMap(({ name }, _i, own) => {
      const mine = outcomes.get(own.find((way) => way.name === name) as Way) ?? [];
      const figure = (metric: string, value: number): Figure => ({ bench, metric: `${prefix}${name} to toxiproxy, ${metric}`, value: short(value), unit: 'ratio' });
      return [
        figure('rate', median(mine.map((outcome, i) => rateOf(outcome) / rateOf(base[i] as Outcome)))),
        figure('cpu', cpuOf(mine, cpu.per) / cpuOf(base, cpu.per)),
      ];
    });
}
