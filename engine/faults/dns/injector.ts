import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { z } from 'zod';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type Effect, type FaultRequest, type InjectContext, type Injector } from '../../kernel/fault.ts';
import { DAY } from '../../kernel/fields.ts';
import { fnv1a } from '../../kernel/hash.ts';
import { enterGroup, makeGroup } from '../../host/control-groups.ts';
import { addressBytes } from '../../host/dns-message.ts';
import { type DnsCounts, type DnsStrike } from '../../host/dns-order.ts';
import { dnsCapabilities, noDns } from '../../host/dns-capabilities.ts';
import { startResolver } from '../../host/dns-resolver.ts';
import { hasRules, nextUser, type OtherRules, rulesIn, rulesOf } from '../../host/dns-rules.ts';
import { type Held, OUTLIVES_MS } from '../../host/held.ts';
import { endedInWords, stateOf } from '../../host/identity.ts';
import { findNamespace, type NetNamespace } from '../../host/net-namespace.ts';
import { restoreConf, stateOfConf, writeConf } from '../../host/resolv-conf.ts';
import { listProcesses } from '../../host/processes.ts';
import { roomOf } from '../../host/process-targets.ts';
import { type DnsParams, parseNames, parseTarget } from './manifest.ts';
import { matchesOf, planDns, scopeHash } from './plan.ts';
import { describeDns, dnsUndo, type DnsUndo, revertDns } from './undo.ts';

const counted = z.object({ seen: z.int(), matched: z.int(), struck: z.int(), waited: z.number(), released: z.int(), unanswered: z.int() });
/** What cannot be tried by this user is tried by whoever does it in its place. */
const ABLE = { redirect: '', groups: '' };
const NONE: DnsCounts = { seen: 0, matched: 0, struck: 0, waited: 0, released: 0, unanswered: 0 };

interface Live {
  readonly resolver: Held;
  told: number;
}

export interface DnsFaultDeps {
  readonly clock: Clock;
  readonly own?: () => readonly number[];
  /** What this machine can do; tried when left out. */
  readonly can?: typeof dnsCapabilities;
}

/** Leads the questions of programs to a resolver of Firebreak's, which answers some and passes on the others. */
export function dnsInjector(deps: DnsFaultDeps): Injector<DnsParams, DnsUndo> {
  const { clock, can = dnsCapabilities } = deps;
  const live = new Map<string, Live>();

  return {
    undo: dnsUndo,
    unavailable: () => noDns(can),

    plan: async (request, signal) => {
      const target = parseTarget(request.target);
      const list = 'kind' in target && target.kind === 'processes' ? listProcesses() : [];
      return planDns(list, request, roomOf(deps.own), can() ?? ABLE, () => randomBytes(9).toString('hex'), signal);
    },

    inject: async (undo, context) => {
      if (live.has(undo.token)) return;
      const namespace = findNamespace(undo.namespace);
      if (namespace === undefined) throw new FirebreakError('target-gone', 'the network namespace is gone');
      gather(undo);
      const resolver = await lead(undo, namespace, context, clock);
      live.set(undo.token, { resolver, told: 0 });
      context.injected(`questions to ${undo.servers.join(', ')} go through Firebreak`);
    },

    verify: async (undo, context) => {
      const state = live.get(undo.token);
      if (state === undefined) return { bitten: false, detail: 'it was not begun here', figures: [] };
      // Nobody must be left with a server that is not there.
      if (!state.resolver.alive && undo.conf !== null) restoreConf(undo.conf, undo.token);
      return measure(undo, state, context);
    },

    revert: async (undo) => {
      await revertDns(undo, clock);
      live.get(undo.token)?.resolver[Symbol.dispose]();
      live.delete(undo.token);
    },

    fingerprint: describeDns,
  };
}

/** Moves the processes into their groups. @throws FirebreakError `target-gone` when none of them is left. */
function gather({ scope }: DnsUndo): void {
  if (scope.kind !== 'moved') return;
  let there = 0;
  for (const { folder, ...identity } of scope.processes) {
    makeGroup(folder);
    if (enterGroup(folder, identity) === 'sent') there++;
  }
  if (there === 0) throw new FirebreakError('target-gone', 'the processes have ended since the plan was made');
}

/** How long nft and the kernel may take until the rules stand, milliseconds. */
const RULES_WITHIN = 10_000;

/** @throws FirebreakError `collision`, `rules-refused`, `resolver-failed`, `changed-meanwhile` */
async function lead(undo: DnsUndo, namespace: NetNamespace, context: InjectContext<DnsParams, DnsUndo>, clock: Clock): Promise<Held> {
  const { token, servers, conf } = undo;
  const { request, signal } = context;
  const way = conf === null ? await rulesFor(undo, namespace) : { uid: nextUser([]), listen: loopbackOf(token) };
  const hold = request.hold > 0 ? request.hold + OUTLIVES_MS : DAY;
  const resolver = startResolver({ token, namespace, hold }, { servers, strike: strikeOf(request), ...way }, clock);
  try {
    await Promise.race([resolver.ready(signal), failed(resolver, signal, clock)]);
    if (conf !== null) {
      if (stateOfConf(conf, token) !== 'as it was') throw new FirebreakError('changed-meanwhile', `${conf.path} was changed since the plan was made`, { hint: 'plan again' });
      writeConf(conf, token, loopbackOf(token));
      return resolver;
    }
    for (const end = clock.now() + RULES_WITHIN; !(await hasRules(namespace, token)); await clock.sleep(10, signal)) {
      const why = resolver.news.get('failed');
      if (why === undefined && resolver.alive && clock.now() < end) continue;
      throw new FirebreakError('rules-refused', `the rules were not taken: ${String(why ?? 'no word from nft')}`);
    }
    return resolver;
  } catch (error) {
    resolver[Symbol.dispose]();
    throw error;
  }
}

/** @throws FirebreakError `collision` */
async function rulesFor(undo: DnsUndo, namespace: NetNamespace): Promise<{ readonly rules: string; readonly uid: number }> {
  const earlier = await rulesIn(namespace);
  const scope = scopeHash(undo);
  collide(earlier, scope);
  const uid = nextUser(earlier);
  return { uid, rules: rulesOf(undo.token, undo.servers, matchesOf(undo), { uid, scope }) };
}

/** An address of the machine itself that nobody else is likely to have (RFC 1122, section 3.2.1.3). */
const loopbackOf = (token: string): string => `127.83.${[0, 2].map((at) => 1 + (Number.parseInt(token.slice(at, at + 2), 16) % 254)).join('.')}`;

/** Rejects when the resolver says that it cannot. */
async function failed(resolver: Held, signal: AbortSignal, clock: Clock): Promise<void> {
  while (resolver.alive && resolver.news.get('ready') !== true) {
    const why = resolver.news.get('failed');
    if (why !== undefined) throw new FirebreakError('resolver-failed', `the resolver cannot serve: ${String(why)}`);
    await clock.sleep(10, signal);
  }
}

/** Faults of the same scope act one after the other; of others nobody could say which of them a program meets. */
function collide(others: readonly OtherRules[], scope: string): void {
  if (others.every((other) => other.scope === scope)) return;
  throw new FirebreakError('collision', 'another dns fault with another target holds rules in this network namespace', {
    hint: 'give both the same target (host, netns:, user: or group:), or let one end first',
  });
}

function strikeOf({ params, policy, seed, routes }: FaultRequest<DnsParams>): DnsStrike {
  const { action, chance, delay, ipv4, ipv6 } = params;
  const list = (text: string): readonly string[] => {
    const names = parseNames(text);
    return 'error' in names ? [] : names;
  };
  return {
    action, chance, delay, seed, key: fnv1a(policy), names: list(params.names), ipv4: addressBytes(ipv4), ipv6: addressBytes(ipv6),
    spared: [...list(params.except), ...routes.flatMap(({ upstream, listen }) => [upstream, listen]).map(hostOf).filter((host) => isIP(host) === 0)],
  };
}
const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '').toLowerCase();

function measure({ scope }: DnsUndo, state: Live, { request: { params }, injected }: InjectContext<DnsParams, DnsUndo>): Effect {
  const { resolver } = state;
  if (!resolver.alive) return { bitten: false, detail: 'the resolver has ended, and its rules with it', figures: [] };
  const counts = counted.safeParse(resolver.news.get('counts')).data ?? NONE;
  const { seen, matched, struck, waited, released, unanswered } = counts;
  if (struck > state.told) injected(`${struck - state.told} questions: ${params.action}`);
  state.told = struck;
  const figures: Effect['figures'] = [
    { name: 'questions struck', unit: 'ratio', requested: params.chance, delivered: matched === 0 ? null : Math.round((struck / matched) * 1e4) / 1e4, samples: matched },
  ];
  if (params.action === 'delay') figures.push({ name: 'delay', unit: 'ms', requested: params.delay, delivered: released === 0 ? null : Math.round(waited / released), samples: released });
  const lost = unanswered > 0 ? `; ${unanswered} passed on that no server answered` : '';
  const asking = scope.kind === 'moved' ? scope.processes : [];
  const there = asking.length === 0 || asking.some((one) => stateOf(one) !== 'dead');
  return {
    bitten: there && (params.action === 'delay' ? released > 0 : struck > 0),
    detail: [`${struck} of ${matched} questions for these names struck, of ${seen} that were asked${lost}`, endedInWords(asking)].filter(Boolean).join('; '),
    figures,
  };
}
