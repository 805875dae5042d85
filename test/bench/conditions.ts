import { compileWhen, type When } from '../../engine/policy/when.ts';
import { requestFacts } from '../../engine/wire/http/http1-facts.ts';
import { type Figure, quantile } from './figure.ts';

/** Conditions as people write them, from one comparison to several. */
const CONDITIONS = {
  'one header': "request.headers['x-tier'] == 'free'",
  'one key of baggage': "baggage['chaos'] == 'on'",
  'three comparisons': "request.method == 'GET' && request.path.startsWith('/api/') && request.headers['x-tier'] == 'free'",
} as const;
const TARGET = '/api/v1/orders/123?page=2';
const HEAD = Buffer.from(
  `GET ${TARGET} HTTP/1.1\r\nHost: payments\r\nAccept: */*\r\nX-Tier: free\r\nBaggage: chaos=on,team=a\r\n` +
    'Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\nUser-Agent: bench\r\n\r\n',
);
const OPERATIONS = 200_000;
const ROUNDS = 7;

/** What a condition costs a message that the target of its policy takes: reading its facts, and asking the condition. */
export async function run(): Promise<readonly Figure[]> {
  const facts = (): Readonly<Record<string, unknown>> => ({ route: 'payments', ...requestFacts(HEAD, 0, 4, 4 + TARGET.length, HEAD.length) });
  const figures: Figure[] = [figure('reading the facts of a request with 6 headers', cost(() => facts() !== undefined))];
  const known = facts();
  for (const [name, source] of Object.entries(CONDITIONS)) {
    const when = compileWhen('http', source) as When;
    if (!when(known)) throw new Error(`${source} should hold`);
    figures.push(figure(`asking: ${name}`, cost(() => when(known))));
  }
  return figures;
}

const figure = (metric: string, value: number): Figure => ({ bench: 'conditions', metric, value: Math.round(value), unit: 'ns' });

/** Nanoseconds of this thread's processor time for each operation, as the median of rounds. */
function cost(operation: () => boolean): number {
  const round = (): number => {
    const before = process.threadCpuUsage();
    let held = 0;
    for (let i = 0; i < OPERATIONS; i++) if (operation()) held++;
    const { user, system } = process.threadCpuUsage(before);
    if (held !== OPERATIONS) throw new Error('the condition did not always hold');
    return ((user + system) * 1_000) / OPERATIONS;
  };
  round();
  return quantile(Array.from({ length: ROUNDS }, round), 0.5);
}
