import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunOutcome } from '../../engine/contract/api.ts';
import { engineIn } from '../../engine/test-engine.ts';
import { startService } from './service.ts';

/** The templates of the library, filled in as a reader would, on a service that is not the demo's. */

/** What stands at the 8080 of the file. */
export interface Service extends AsyncDisposable {
  /** Serves one customer; rejects when it cannot. */
  serve(): Promise<void>;
}
export interface Filled {
  /** The file of the library. */
  readonly file: string;
  /** Where the real server listens, for the `upstream` of the first route. */
  readonly upstream?: string;
  /** What else the reader writes in place of what; each must be there. */
  readonly edits?: readonly (readonly [string | RegExp, string])[];
  readonly durationMs?: number;
  /** @param listen where the route listens. @param ca the certificate that `firebreak ca` prints, as PEM. */
  readonly service: (listen: string, ca: string) => Promise<Service>;
}

const never = new AbortController().signal;
/** How fast this machine is today is not the question, and a window lets go of the past sooner in a short run. */
const PATIENT = [
  [/every: \d+ms, timeout: 2s/, 'every: 100ms, timeout: 20s, window: 2s'],
  [/ && p95 < \d+/, ''],
] as const;

/** Runs the file, shortened; `after` is called while the routes are still open, when everything has been taken back. */
export async function runTemplate(
  { file, upstream, edits = [], durationMs = 3_000, service }: Filled, after: (listen: string, ca: string) => Promise<void> = async () => {},
): Promise<RunOutcome> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'firebreak-template-'));
  stack.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  let text = await readFile(join(import.meta.dirname, '../../assets/experiments', file), 'utf8');
  const write = (what: string | RegExp, by: string): void => {
    const before = text;
    text = text.replace(what, by);
    assert.notEqual(text, before, `the file has what a reader is to change: ${what}`);
  };
  if (upstream !== undefined) write(/upstream: "[^"]*"/, `upstream: "${upstream}"`);
  for (const [what, by] of edits) write(what, by);
  const { api } = stack.use(await engineIn(dir));
  const read = await api.queries.validate({ text, file: 'mine.yaml', routes: [] }, never);
  assert.ok(read.ok, JSON.stringify(read));
  const wanted = read.summary.routes.map((route) => ({ ...route, listen: '127.0.0.1:0' }));
  const routes = wanted.length === 0 ? [] : await api.commands.openRoutes({ routes: wanted }, never);
  const listen = routes[0]?.listen ?? '';
  const { certificate } = await api.queries.authority({}, never);
  const mine = stack.use(await service(listen, certificate));
  const inFlight = new Set<Promise<unknown>>();
  const front = stack.use(
    await startService((_request, answer) => {
      const served = mine.serve().then(() => answer.end('ok'), (error: unknown) => answer.writeHead(500).end(String(error))).finally(() => inFlight.delete(served));
      inFlight.add(served);
    }),
  );
  if (text.includes('127.0.0.1:8080')) write('127.0.0.1:8080', front.address);
  for (const [what, by] of PATIENT) text = text.replace(what, by);
  const overrides = { durationMs, baselineMs: 500, recoveryMs: 20_000 };
  const { run } = await api.commands.run({ text, file: 'mine.yaml', overrides, routes }, never);
  const outcome = await api.queries.outcome({ run }, never);
  assert.deepEqual((await api.queries.open({}, never)).open, []);
  for (const { policy, reverted } of outcome.faults) assert.ok(reverted, policy);
  await Promise.all(inFlight);
  await after(listen, certificate);
  return outcome;
}
