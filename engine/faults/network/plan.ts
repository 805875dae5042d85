import { createHash, randomBytes } from 'node:crypto';
import { FirebreakError } from '../../kernel/errors.ts';
import { type FaultRequest } from '../../kernel/fault.ts';
import { identityOf } from '../../host/identity.ts';
import { type NetCapabilities } from '../../host/net-capabilities.ts';
import { defaultDevices, deviceTo, type Link, linksIn } from '../../host/net-links.ts';
import { namespaceOf, type NetNamespace, ownNamespace } from '../../host/net-namespace.ts';
import { type Blueprint, blockOf, hex, type Lane, MARKS, ROOT } from './blueprint.ts';
import { lanesOf, refuseUnsafe, type Scene } from './guard.ts';
import { type NetworkParams } from './manifest.ts';
import { overlap } from './packets.ts';
import { type Aim, type Cidr, parseCidrs, parseEndpoint, parsePorts, parseTarget, type Place } from './selection.ts';
import { foreignQueueing, ingressOf, isOurIngress, isOurRoot, type OnDevice, readDevice, rootOf } from './state.ts';

/** One interface, planned: its record and by what it is done. */
export interface Planned {
  readonly plan: Blueprint;
  readonly inWords: string;
}

/** Faults of this process on the same machine, planned together with this one or under way. */
export type Others = readonly { readonly policy: string; readonly plan: Blueprint }[];

/**
 * Decides what is done to which interfaces; changes nothing.
 * @throws FirebreakError `bad-target`, `fault-unavailable`, `foreign-queue`, `overlap`, and those of the guard.
 */
export async function planNetwork(request: FaultRequest<NetworkParams>, can: NetCapabilities, others: Others): Promise<readonly Planned[]> {
  const aim = read(parseTarget(request.target));
  const namespace = enter(aim.place);
  const links = await linksIn(namespace);
  const networks = read(parseCidrs(request.params.cidr));
  const chosen = await choose(aim, namespace, links, networks, request.params);
  const defaults = await defaultDevices(namespace);
  const planned: Planned[] = [];
  for (const link of chosen) {
    const scene: Scene = { asked: request.params, networks, ports: read(parsePorts(request.params.port)), link, own: namespace.path === '', onDefaultRoute: defaults.includes(link.name) };
    refuseUnsafe(scene);
    planned.push(await planOne(request, scene, namespace, aim.place, can, [...others, ...planned.map(({ plan }) => ({ policy: request.policy, plan }))]));
  }
  return planned;
}

/** What the manifest has checked before is read again here; it cannot fail for a file that was loaded. */
function read<Read extends object>(result: Read | { readonly error: string }): Read {
  if ('error' in result) throw badTarget(result.error);
  return result;
}
const badTarget = (message: string, hint = 'see the help of the field'): FirebreakError => new FirebreakError('bad-target', message, { hint });

function enter(place: Place): NetNamespace {
  const namespace = place.kind === 'own' ? ownNamespace() : namespaceOf(place.kind === 'netns' ? { name: place.name } : { pid: place.pid });
  if (namespace !== undefined) return namespace;
  throw place.kind === 'pid'
    ? badTarget(`there is no process ${place.pid}, or its network may not be seen`, 'check the pid')
    : badTarget(`there is no network namespace ${place.kind === 'netns' ? place.name : ''}`, '`ip netns list` shows those with a name');
}

async function choose(aim: Aim, namespace: NetNamespace, links: readonly Link[], networks: readonly Cidr[], asked: NetworkParams): Promise<readonly Link[]> {
  const names = aim.interfaces.length > 0 ? aim.interfaces : await onTheWay(namespace, networks, asked);
  if (names.length === 0) throw badTarget('there is no default route, so no interface follows from it', `name one of ${links.map(({ name }) => name).join(', ')} as the target`);
  return names.map((name) => {
    const link = links.find((one) => one.name === name);
    if (link === undefined) throw badTarget(`there is no interface ${name}`, `there are ${links.map((one) => one.name).join(', ')}`);
    if (!link.up) throw badTarget(`the interface ${name} is down`, `ip link set ${name} up, or name another`);
    return link;
  });
}

/** With a port and no network the service may be on this machine as well as beyond the default route. */
async function onTheWay(namespace: NetNamespace, networks: readonly Cidr[], asked: NetworkParams): Promise<readonly string[]> {
  const defaults = await defaultDevices(namespace);
  if (networks.length === 0) return asked.port === '' ? defaults : [...new Set([...defaults, 'lo'])];
  const ways = await Promise.all(networks.map(({ text }) => deviceTo(namespace, text.replace(/\/\d+$/, ''))));
  const found = ways.filter((way) => way !== undefined);
  return [...new Set(found.length === 0 ? defaults : found)];
}

async function planOne(
  request: FaultRequest<NetworkParams>, scene: Scene, namespace: NetNamespace, place: Place, can: NetCapabilities, others: Others,
): Promise<Planned> {
  const { link } = scene;
  const { lanes, inWords } = lanesOf(scene, can);
  const device = { name: link.name, index: link.index, address: link.address ?? '' };
  const state = await readDevice(namespace, link.name, blockOf({ device }));
  refuseForeign(state, lanes, blockOf({ device }));
  const here = others.filter(({ plan }) => plan.namespace.inode === namespace.inode && plan.device.index === link.index);
  refuseOverlap(lanes, here, link.name);
  refuseUnknown(state, here.map(({ plan }) => plan), link.name);
  const taken = new Set([...state.classes, ...here.map(({ plan }) => `${ROOT}${hex(plan.mark)}`)]);
  const { token, mark } = fresh(taken);
  const { probe } = request.params;
  // Only these hooks can answer with a refusal or leave a packet to a program.
  const whole = lanes.some(({ rules, reader }) => rules?.cut === 'reject' || reader !== null) || (can.egressHook !== '' && lanes.some(({ hook }) => hook === 'egress'));
  return {
    plan: {
      token, mark, namespace, device, lanes: [...lanes],
      process: place.kind === 'pid' ? (identityOf(place.pid) ?? null) : null,
      prior: await foreignQueueing(namespace, link.name, blockOf({ device })),
      family: whole ? 'inet' : 'netdev',
      probe: probe === '' ? null : (parseEndpoint(probe) ?? null),
    },
    inWords,
  };
}

/** A mark that is on the interface already would mean two faults by one name. */
function fresh(taken: ReadonlySet<string>): { readonly token: string; readonly mark: number } {
  for (;;) {
    const token = randomBytes(9).toString('hex');
    const number = createHash('sha256').update(token).digest().readUInt16BE(0);
    const mark = MARKS.first + 2 * (number % ((MARKS.last - MARKS.first) / 2));
    if (!taken.has(`${ROOT}${hex(mark)}`)) return { token, mark };
  }
}

/** Queues that somebody has set up are never replaced: they would be gone afterwards. */
function refuseForeign({ name, queues }: OnDevice, lanes: readonly Lane[], block: number): void {
  const queued = (hook: Lane['hook']): boolean => lanes.some((lane) => lane.hook === hook && lane.queue !== null);
  const root = rootOf(queues);
  const refuse = (what: string, remedy: string): never => {
    throw new FirebreakError('foreign-queue', `${name} has ${what}, which is not Firebreak's and stays as it is`, { hint: remedy });
  };
  if (queued('egress') && root !== undefined && !isOurRoot(root) && root.handle !== '0:') {
    refuse(`the root queue ${root.kind} ${root.handle}`, `name another interface, or remove it yourself: tc qdisc del dev ${name} root`);
  }
  const arrival = ingressOf(queues);
  if (queued('ingress') && arrival !== undefined && !isOurIngress(arrival, block)) {
    refuse(`the queue ${arrival.kind} on arrival`, 'use direction: egress, or name another interface');
  }
}

/** Packets go to one class only: of two faults on the same packets one would do nothing. */
function refuseOverlap(lanes: readonly Lane[], others: Others, name: string): void {
  for (const { policy, plan } of others) {
    for (const lane of lanes) {
      const same = plan.lanes.filter(({ hook }) => hook === lane.hook);
      if (same.some((other) => other.cells.some((theirs) => lane.cells.some((ours) => overlap(ours, theirs))))) {
        throw new FirebreakError('overlap', `policy ${policy} strikes packets of ${name} that this one would strike too`, {
          hint: 'say both effects in one policy, or choose other ports, networks, directions or protocols',
        });
      }
      if (same.some((other) => doubles(other) || doubles(lane)) && lane.queue?.netem != null && same.some(({ queue }) => queue?.netem != null)) {
        // The kernel refuses it since 6.16 (net/sched: Restrict conditions for adding duplicating netems to qdisc tree).
        throw new FirebreakError('overlap', `${name} has another fault: a queue that duplicates must be the only one`, { hint: 'leave duplication out, or remove the other policy' });
      }
    }
  }
}
const doubles = ({ queue }: Lane): boolean => (queue?.netem?.duplication ?? 0) > 0;

/** What another process of Firebreak's does on the interface cannot be compared with this; it may be what a crash has left. */
function refuseUnknown({ classes }: OnDevice, known: readonly Blueprint[], name: string): void {
  const stranger = classes.find((id) => !known.some(({ mark }) => id === `${ROOT}${hex(mark)}`));
  if (stranger === undefined) return;
  throw new FirebreakError('overlap', `another Firebreak has a fault on ${name} (class ${stranger}), and which packets it takes is known to that one alone`, {
    hint: 'run both from one Firebreak, or wait until it has ended; `firebreak recover` clears what was left open',
  });
}
