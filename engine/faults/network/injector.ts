import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest, type Injector, type TargetPlan } from '../../kernel/fault.ts';
import { type Held, OUTLIVES_MS } from '../../host/held.ts';
import { stateOf } from '../../host/identity.ts';
import { type NetCapabilities, netCapabilities } from '../../host/net-capabilities.ts';
import { damagedPackets } from '../../host/net-errors.ts';
import { type NetNamespace, runAll } from '../../host/net-namespace.ts';
import { endReader, findReaders, startReader } from '../../host/packet-reader.ts';
import { type Blueprint, blockOf, blueprint, tableOf } from './blueprint.ts';
import { commandsFor, strikeChain } from './commands.ts';
import { directionOf, type NetworkParams } from './manifest.ts';
import { connectTimes, Meter } from './measure.ts';
import { meansFor } from './means.ts';
import { takesTcp, withoutTcp } from './packets.ts';
import { Known } from './known.ts';
import { planNetwork } from './plan.ts';
import { changes, foreignQueueing, ingressOf, isOurIngress, isOurRoot, linkNow, readRemains, remainsInWords, removeRemains, rootOf } from './state.ts';

export interface NetworkFaultDeps {
  readonly clock: Clock;
  /** What this machine can do; left out: it is tried. */
  readonly capabilities?: () => NetCapabilities | undefined;
}

/** Delays, loses, damages, slows and cuts packets by queues and rules of its own, which the kernel keeps up by itself, or by a program of its own. */
export function networkInjector({ clock, capabilities = netCapabilities }: NetworkFaultDeps): Injector<NetworkParams, Blueprint> {
  const known = new Known();
  const meters = new Map<string, Meter>();
  const readers = new Map<string, Held>();

  /** The program that packets are left to, where one is. */
  const read = async (undo: Blueprint, namespace: NetNamespace, { seed, hold }: FaultRequest<NetworkParams>, signal: AbortSignal): Promise<void> => {
    const lanes = undo.lanes.filter(({ reader }) => reader !== null);
    const order = lanes[0]?.reader;
    if (order == null) return;
    const { token } = undo;
    const chains = lanes.map(({ hook }) => strikeChain(hook));
    const held = startReader(namespace, { token, table: tableOf(undo), chains, order: order.netem, seed, most: order.limit, hold: hold + OUTLIVES_MS }, clock);
    readers.set(token, held);
    try {
      await held.ready(signal);
    } catch (error) {
      const problem = held.news.get('problem');
      throw typeof problem === 'string' ? new FirebreakError('refused', problem, { cause: error }) : error;
    }
  };

  return {
    undo: blueprint,

    unavailable: (params) => {
      if (process.platform !== 'linux') return 'only Linux has tc and nft';
      const can = capabilities();
      // Who may not try leaves it to the helper, which says it when it plans.
      if (can === undefined) return '';
      if (params === undefined) return can.rules !== '' && can.shaping !== '' ? `${can.shaping}; ${can.rules}` : '';
      const direction = directionOf(params);
      const refusals = (direction === 'both' ? (['egress', 'ingress'] as const) : [direction]).map((way) => meansFor(params, way, can));
      return refusals.map((means) => ('refusal' in means ? means.refusal : '')).find((reason) => reason !== '') ?? '';
    },

    plan: async (request): Promise<readonly TargetPlan<Blueprint>[]> => {
      const can = capabilities();
      if (can === undefined) throw new FirebreakError('fault-unavailable', 'this user may set up neither queues nor rules', { hint: 'run as root, or start the helper: sudo firebreak helper' });
      const planned = await planNetwork(request, can, known.others(request));
      known.planned(request, planned.map(({ plan }) => plan));
      return planned.map(({ plan, inWords }) => ({
        target: describeTarget(plan),
        undo: plan,
        action: `strike ${filtersInWords(plan)} by ${inWords}`,
        inverse: `${plan.lanes.some(({ reader }) => reader !== null) ? 'end the program, which lets go what it holds; ' : ''}remove exactly these queues, classes, filters and rules; with the last of them the kernel puts its own queue back`,
        reversible: true,
      }));
    },

    inject: async (undo, context) => {
      if (meters.has(undo.token)) return;
      const ended = endedOf(undo);
      if (ended !== '') throw new FirebreakError('target-gone', ended);
      const { namespace, device } = await readRemains(undo);
      if (namespace === undefined || device === undefined || (await linkNow(undo)) === undefined) throw new FirebreakError('target-gone', `${undo.device.name} is not there any more, or another has its name`);
      if (device.name !== undo.device.name) throw new FirebreakError('target-gone', `${undo.device.name} is called ${device.name} now`, { hint: 'plan again' });
      const before = { times: await connectTimes(undo, namespace), damaged: await damagedPackets(namespace) };
      context.signal.throwIfAborted();
      known.live(context.request, undo);
      meters.set(undo.token, new Meter(undo, namespace, clock, before));
      const there = { root: isOurRoot(rootOf(device.queues)), ingress: isOurIngress(ingressOf(device.queues), blockOf(undo)) };
      await runAll(namespace, commandsFor(undo, there));
      await read(undo, namespace, context.request, context.signal);
      context.injected(`${describeTarget(undo)} is struck`);
    },

    verify: async (undo) => {
      const meter = meters.get(undo.token);
      if (meter === undefined) return { bitten: false, detail: 'it was not started here', figures: [] };
      const link = await linkNow(undo);
      // A program of Firebreak's that holds packets keeps the network there as well.
      const ended = endedOf(undo);
      if (link !== undefined) return ended === '' ? meter.look(link.name, readers.get(undo.token)) : { bitten: false, detail: ended, figures: [] };
      // Rules are bound to a name: since Linux 6.16 the kernel would have them strike whatever gets it next.
      await removeRemains(undo, await readRemains(undo));
      return { bitten: false, detail: `${undo.device.name} is gone`, figures: [] };
    },

    revert: async (undo) => {
      meters.delete(undo.token);
      known.forget(undo);
      // Before the rules: what waits is let go, which the kernel would drop with them.
      await endReader(undo.token, clock);
      readers.get(undo.token)?.[Symbol.dispose]();
      readers.delete(undo.token);
      await removeRemains(undo, await readRemains(undo));
    },

    fingerprint: async (undo) => {
      const remains = await readRemains(undo);
      const { namespace, device } = remains;
      const now = namespace === undefined || device === undefined ? undo.prior : await foreignQueueing(namespace, device.name, blockOf(undo));
      const left = [...remainsInWords(undo, remains), ...findReaders(undo.token).map(({ pid }) => `process ${pid}, which holds packets`)];
      return `left of this fault: ${left.join(', ') || 'nothing'}; queueing of ${undo.device.name}: ${changes(undo.prior, now).join('; ') || 'as before'}`;
    },
  };
}

const describeTarget = ({ device, namespace, process: chosenBy }: Blueprint): string =>
  `interface ${device.name}${namespace.path === '' ? '' : chosenBy === null ? ` in ${namespace.path}` : ` of process ${chosenBy.pid}`}`;

function filtersInWords({ lanes }: Blueprint): string {
  const apart = lanes.length > 1 && lanes.some((lane) => !takesTcp(lane));
  const ways = apart ? 'what leaves, and of TCP what arrives' : lanes.map(({ hook }) => (hook === 'egress' ? 'what leaves' : 'what arrives')).join(' and ');
  const spared = lanes.some((lane) => withoutTcp(lane.spared).length > 0) ? ', but for SSH and the ways to this room' : '';
  return `${ways}${spared}`;
}

/** That the process is not there any more by which the network was chosen, or ''. */
const endedOf = ({ process }: Blueprint): string => (process !== null && stateOf(process) === 'dead' ? `process ${process.pid}, by which the network was chosen, has ended` : '');
