import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Protocol } from '../../engine/contract/models.ts';
import type { WirePolicy } from '../../engine/policy/snapshot.ts';
import type { PolicyCounters, RouteCounters, Wire } from '../../engine/wire/wire.ts';
import { programOf } from '../lab/server.ts';
import { policy, wireTo } from './parts.ts';

/** What a stage stands on: the server behind the route, and what ends it all. */
export interface Ground<Server> extends Awaited<ReturnType<typeof wireTo>> {
  readonly protocol: Protocol;
  readonly server: Server;
  readonly stack: AsyncDisposableStack;
}
/** A wire with a route to a server that is being started. */
export async function routeTo<Server extends AsyncDisposable & { readonly address: string }>(
  protocol: Protocol, starting: Promise<Server>, workers?: number,
): Promise<Ground<Server>> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await starting);
  const wired = await wireTo(server.address, { protocol, ...(workers === undefined ? {} : { workers }) });
  stack.use(wired.wire);
  return { ...wired, protocol, server, stack: stack.move() };
}

/** A route to a real server, and the policies of one test. */
export class RouteStage<Server> implements AsyncDisposable {
  readonly server: Server;
  readonly wire: Wire;
  /** Of the route. */
  readonly address: string;
  readonly errors: readonly Error[];
  /** Ended with the stage, last come first. */
  protected readonly stack: AsyncDisposableStack;
  readonly #protocol: Protocol;
  readonly #added: string[] = [];

  constructor({ protocol, server, wire, address, errors, stack }: Ground<Server>) {
    this.server = server;
    this.wire = wire;
    this.address = address;
    this.errors = errors;
    this.stack = stack;
    this.#protocol = protocol;
  }
  async add(over: Partial<WirePolicy>): Promise<WirePolicy & AsyncDisposable> {
    const one = policy({ protocol: this.#protocol, ...over });
    this.#added.push(one.id);
    await this.wire.add(one);
    return { ...one, [Symbol.asyncDispose]: () => this.wire.remove(one.id) };
  }
  counters({ id }: Pick<WirePolicy, 'id'>): PolicyCounters {
    const found = this.wire.counters(id);
    if (found === undefined) throw new Error(`no policy ${id} in the wire`);
    return found;
  }
  get route(): RouteCounters {
    return this.wire.routeCounters()[0] as RouteCounters;
  }
  /** Takes away every policy and ends a HALT. */
  async clear(): Promise<void> {
    this.wire.resume();
    for (const id of this.#added.splice(0)) await this.wire.remove(id);
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }
}

/** What a promise failed with; undefined when it did not. */
export const failure = <Failure = Error>(of: Promise<unknown>): Promise<Failure | undefined> =>
  of.then(
    () => undefined,
    (error: unknown) => error as Failure,
  );

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
/** Runs a program to its end with this on its standard input. Ended by force after `patience` milliseconds. */
export async function run(
  program: string, args: readonly string[], input = '', { env = {}, patience = 120_000 }: { env?: NodeJS.ProcessEnv; patience?: number } = {},
): Promise<Ran> {
  const child = spawn(programOf(program) ?? program, args, {
    env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'], timeout: patience, killSignal: 'SIGKILL',
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve));
  const [code, stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, stdout, stderr };
}
