import { parseArgs } from 'node:util';
import type { SessionFactory } from '../../engine/wire/session.ts';
import { SESSIONS } from '../../engine/wire/sessions.ts';
import type { Protocol } from '../../engine/contract/models.ts';
import type { WirePolicy } from '../../engine/policy/snapshot.ts';
import { FakeLink } from '../wire/fake-link.ts';
import { policy } from '../wire/parts.ts';
import type { Turn } from '../wire/replay.ts';
import { Dice, mutate } from './mutate.ts';

/** What test/fuzz/<name>.ts offers. */
export interface FuzzTarget {
  readonly protocol: Protocol;
  /** Conversations that are understood. */
  readonly seeds: () => readonly (readonly Turn[])[];
  /** Policies of the protocol beyond the ones that every protocol is tried with. */
  readonly policies?: readonly Partial<WirePolicy>[];
  /** The session may keep bytes of the client for an answer, without any policy. */
  readonly mayWait?: boolean;
}

export interface FuzzResult {
  readonly conversations: number;
  readonly bytes: number;
  /** What was found: each reproduces with its seed. */
  readonly findings: readonly string[];
  /** Growth of the heap from the tenth of the run to its end, in MB. */
  readonly growth: number;
}

/** One conversation may take this long in milliseconds of processor time, whatever is in it: more is a hang. */
const LONGEST = 2_000;

/**
 * Feeds mutated conversations to sessions of one protocol for `milliseconds`, in pieces of any size, with and without
 * policies. A session must not throw, must not hang, and without a policy must pass every byte on as it came.
 */
export async function fuzz(target: FuzzTarget, milliseconds: number, seed: number): Promise<FuzzResult> {
  const { protocol } = target;
  const session = await SESSIONS[protocol]();
  const seeds = target.seeds();
  const findings: string[] = [];
  const some: Partial<WirePolicy>[] = [
    { errorChance: 0.3 },
    { errorChance: 0.2, dropConnection: true },
    { latencyChance: 0.3, latencyMs: 60_000 },
    ...(target.policies ?? []),
  ];
  const deadline = performance.now() + milliseconds;
  let conversations = 0;
  let bytes = 0;
  let early = 0;
  for (let number = seed; performance.now() < deadline && findings.length < 10; number++) {
    const dice = new Dice(number);
    const turns = mutate(dice.pick(seeds), seeds, dice);
    const under = dice.below(3) === 0 ? [] : [policy({ protocol, ...dice.pick(some) })];
    const before = process.cpuUsage();
    try {
      bytes += converse(target, session, turns, under, dice);
    } catch (error) {
      findings.push(`seed ${number}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1_000 > LONGEST)
      findings.push(`seed ${number}: took ${Math.round((user + system) / 1_000)} ms`);
    conversations++;
    if (early === 0 && performance.now() > deadline - milliseconds * 0.9) early = heap();
  }
  return { conversations, bytes, findings, growth: (heap() - early) / 2 ** 20 };
}

function converse(
  target: FuzzTarget,
  session: SessionFactory,
  turns: readonly Turn[],
  policies: readonly WirePolicy[],
  dice: Dice,
): number {
  const link = new FakeLink(target.protocol, session, policies);
  const said = { client: [] as Buffer[], upstream: [] as Buffer[] };
  let bytes = 0;
  for (const turn of turns) {
    const piece = dice.pick([1, 3, 7, 64, 1_460, 65_536]);
    for (let at = 0; at < turn.bytes.length && !link.closing; at += piece) {
      const part = turn.bytes.subarray(at, at + piece);
      said[turn.from].push(part);
      bytes += part.length;
      if (turn.from === 'client') link.client(part);
      else link.upstream(part);
    }
  }
  if (!link.closing) {
    link.session.clientEnded();
    link.session.upstreamEnded();
  }
  link.session.closed();
  if (policies.length === 0 && !link.closing) {
    const got = link.upstreamGot;
    const sent = Buffer.concat(said.client);
    // A client that upgrades is only heard again once it is answered, and here it may never be.
    if (!(target.mayWait === true ? got.equals(sent.subarray(0, got.length)) : got.equals(sent)))
      throw new Error('the upstream got other bytes than the client sent');
    if (!link.clientGot.equals(Buffer.concat(said.upstream)))
      throw new Error('the client got other bytes than the upstream sent');
  }
  return bytes;
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** `npm run fuzz -- NAME [--seconds 300] [--seed N]`. */
if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '300' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    },
  });
  for (const name of positionals) {
    const target = (await import(`./${name}.ts`)) as FuzzTarget;
    const { conversations, bytes, findings, growth } = await fuzz(
      target,
      Number(values.seconds) * 1_000,
      Number(values.seed),
    );
    console.log(
      `${name}: ${conversations} conversations, ${(bytes / 2 ** 20).toFixed(1)} MB, heap ${growth >= 0 ? '+' : ''}${growth.toFixed(1)} MB, ${findings.length} findings (seed ${values.seed})`,
    );
    for (const finding of findings) console.log(finding);
    if (findings.length > 0) process.exitCode = 1;
  }
}
