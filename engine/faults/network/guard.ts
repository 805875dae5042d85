import { FirebreakError } from '../../kernel/errors.ts';
import { type NetCapabilities } from '../../host/net-capabilities.ts';
import { type Link } from '../../host/net-links.ts';
import { protectedPorts } from '../../host/net-room.ts';
import { type Lane } from './blueprint.ts';
import { directionOf, type NetworkParams } from './manifest.ts';
import { meansFor } from './means.ts';
import { ALL_TCP, type Cell, cellsOf, overlap, sparedCells, TCP, u32Of } from './packets.ts';
import { type Cidr, type PortRange } from './selection.ts';

/** One interface and what is asked of it. */
export interface Scene {
  readonly asked: NetworkParams;
  readonly networks: readonly Cidr[];
  readonly ports: readonly PortRange[];
  readonly link: Link;
  /** Whether it is in the namespace of this room. */
  readonly own: boolean;
  readonly onDefaultRoute: boolean;
}

/** The kernel goes through the filters of a fault for each packet, one after the other. */
const MOST_FILTERS = 512;
/** From this share on lost packets are as good as a cut. */
const CUT = 0.5;

/**
 * Refuses what would cut the room off from the machine or its user from both.
 * @throws FirebreakError `protected-target`, `whole-interface`.
 */
export function refuseUnsafe(scene: Scene): void {
  const { asked, ports, link, own, onDefaultRoute } = scene;
  for (const { port, reason } of protectedHere(own)) {
    if (asked.protocol !== 'udp' && ports.some(({ from, to }) => from <= port && port <= to)) {
      throw new FirebreakError('protected-target', `port ${port} is ${reason}, and is never touched`, { hint: 'choose ports without it' });
    }
  }
  if (!own || asked.allowWhole || ports.length > 0 || asked.protocol === 'icmp') return;
  const refuse = (what: string): never => {
    throw new FirebreakError('whole-interface', what, { hint: 'narrow it by port, cidr or protocol; or set allow_whole: true if that is what you want' });
  };
  if (link.loopback && wholeLoopback(scene)) refuse(`${link.name} carries what the programs of this machine say to each other, and all of it would be struck`);
  const cuts = asked.partition !== 'off' || asked.loss >= CUT;
  const everywhere = scene.networks.length === 0 || scene.networks.some(({ bits }) => bits === 0);
  if (onDefaultRoute && cuts && everywhere && asked.protocol !== 'udp') refuse(`${link.name} carries the default route, and all of it would be cut`);
}

const LOCALHOST: readonly Cell[] = [
  { family: 4, destination: { text: '127.0.0.1/32', bytes: [127, 0, 0, 1], bits: 32 } },
  { family: 6, destination: { text: '0:0:0:0:0:0:0:1/128', bytes: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], bits: 128 } },
];
const wholeLoopback = ({ networks, asked }: Scene): boolean =>
  cellsOf({ networks, ports: [], protocol: asked.protocol }, 'egress', true).some((cell) => LOCALHOST.some((home) => overlap(home, cell)));

/** In another namespace there is no room to cut off, but there may be SSH. */
const protectedHere = (own: boolean): ReturnType<typeof protectedPorts> => (own ? protectedPorts() : [{ port: 22, reason: 'the port of SSH' }]);

/**
 * What is done where on one interface, and by what.
 * @throws FirebreakError `fault-unavailable`, `too-many-filters`.
 */
export function lanesOf(scene: Scene, can: NetCapabilities): { readonly lanes: readonly Lane[]; readonly inWords: string } {
  const { asked, link, ports } = scene;
  const spared = ports.length > 0 ? [] : sparedCells(protectedHere(scene.own).map(({ port }) => port));
  const words = new Set<string>();
  const lanes = taken(scene, can).map(({ hook, cells, elsewhere }): Lane => {
    const means = meansFor(asked, hook, can, link.loopback);
    if ('refusal' in means) throw new FirebreakError('fault-unavailable', `${link.name}: ${means.refusal}`, { hint: '`firebreak doctor` lists what this machine can do' });
    const near = [...spared, ...elsewhere].filter((safe) => cells.some((cell) => overlap(safe, cell)));
    const filters = [...cells, ...near].reduce((sum, cell) => sum + u32Of(cell).length, 0);
    if (filters > MOST_FILTERS) {
      throw new FirebreakError('too-many-filters', `${filters} filters would be needed for these ports and networks, more than ${MOST_FILTERS}`, { hint: 'choose fewer, or ranges that begin and end at powers of two' });
    }
    words.add(means.inWords);
    return { hook, cells: [...cells], spared: near, queue: means.queue, rules: means.rules, reader: means.reader, copies: means.copies };
  });
  return { lanes, inWords: [...words].join(' and ') };
}

interface Taken {
  readonly hook: Lane['hook'];
  readonly cells: readonly Cell[];
  /** Among these, what another lane takes. */
  readonly elsewhere: readonly Cell[];
}

/**
 * Which packets are taken where. One way is enough for a round trip. What a program holds on its way out counts for the socket that
 * sent it, and TCP keeps such packets few: a connection would be slower than over a link as long as that. So where the
 * direction is left open, TCP is held on arrival.
 */
function taken({ asked, networks, ports, link }: Scene, can: NetCapabilities): readonly Taken[] {
  const wanted = { protocol: asked.protocol, networks, ports };
  const direction = directionOf(asked);
  const ways = direction === 'both' ? (['egress', 'ingress'] as const) : [direction];
  // What leaves by the loopback is what arrives there: all of it is struck on its way out.
  if (link.loopback) return [{ hook: 'egress', cells: unique(ways.flatMap((way) => cellsOf(wanted, way, true))), elsewhere: [] }];
  const held = (way: Lane['hook']): boolean => {
    const means = meansFor(asked, way, can);
    return 'reader' in means && means.reader !== null;
  };
  const ofTcp = asked.protocol === 'any' || asked.protocol === 'tcp';
  if (asked.direction !== 'auto' || asked.latency === 0 || !ofTcp || !held('egress') || !held('ingress')) {
    return ways.map((hook) => ({ hook, cells: cellsOf(wanted, hook, false), elsewhere: [] }));
  }
  const arriving: Taken = { hook: 'ingress', cells: cellsOf({ ...wanted, protocol: 'tcp' }, 'ingress', false), elsewhere: [] };
  if (asked.protocol === 'tcp') return [arriving];
  const others = cellsOf(wanted, 'egress', false).filter(({ protocol }) => protocol !== TCP);
  return [{ hook: 'egress', cells: others, elsewhere: ALL_TCP }, arriving];
}

const unique = (cells: readonly Cell[]): readonly Cell[] => [...new Map(cells.map((cell) => [JSON.stringify(cell), cell])).values()];
