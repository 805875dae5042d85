import { type Cidr, type PortRange } from './selection.ts';
import { z } from 'zod';

/**
 * Packets that a rule takes: all conditions of a cell hold together. A fault takes the packets of any of its cells. The
 * two languages of the kernel that say so, u32 filters of tc and rules of nft, are both written here from the same cells.
 */
const range = z.object({ from: z.int().min(0).max(65_535), to: z.int().min(0).max(65_535) });
const network = z.object({ text: z.string().regex(/^[0-9a-f.:]+\/\d+$/), bytes: z.array(z.int().min(0).max(255)).readonly(), bits: z.int().min(0).max(128) });
export const cell = z.object({
  family: z.union([z.literal(4), z.literal(6)]),
  /** IP protocol number; undefined: any. */
  protocol: z.int().min(0).max(255).optional(),
  source: network.optional(),
  destination: network.optional(),
  sourcePort: range.optional(),
  destinationPort: range.optional(),
});
export type Cell = z.infer<typeof cell>;

/** Numbers of protocols (IANA); ICMP has one for each family. */
export const TCP = 6;
const UDP = 17;
const ICMP = { 4: 1, 6: 58 } as const;

export interface Wanted {
  readonly protocol: 'any' | 'tcp' | 'udp' | 'icmp';
  readonly networks: readonly Cidr[];
  readonly ports: readonly PortRange[];
}

/**
 * The cells of one direction. On a real interface a connection's service is at one end only, so the port is looked for at
 * both; over the loopback both ends are here, and what goes to the port is the one way, what comes from it the other.
 */
export function cellsOf(wanted: Wanted, way: 'egress' | 'ingress', loopback: boolean): readonly Cell[] {
  const sides = loopback ? [way === 'egress' ? 'destinationPort' : 'sourcePort'] as const : (['destinationPort', 'sourcePort'] as const);
  const far = way === 'egress' ? 'destination' : 'source';
  return ([4, 6] as const).flatMap((family) => {
    const networks = wanted.networks.filter(({ bytes }) => bytes.length === (family === 4 ? 4 : 16));
    if (wanted.networks.length > 0 && networks.length === 0) return [];
    const ofNetwork = networks.length === 0 ? [{}] : networks.map((one) => ({ [far]: one }));
    const ofPort = wanted.ports.length === 0 ? [{}] : wanted.ports.flatMap((one) => sides.map((side) => ({ [side]: one })));
    return protocolsOf(wanted, family).flatMap((protocol) =>
      ofNetwork.flatMap((place) => ofPort.map((port): Cell => ({ family, ...(protocol === undefined ? {} : { protocol }), ...place, ...port }))),
    );
  });
}

function protocolsOf({ protocol, ports }: Wanted, family: 4 | 6): readonly (number | undefined)[] {
  if (protocol === 'tcp') return [TCP];
  if (protocol === 'udp') return [UDP];
  if (protocol === 'icmp') return [ICMP[family]];
  return ports.length > 0 ? [TCP, UDP] : [undefined];
}

/** Both ways of TCP with these ports, which no fault may touch. */
export const sparedCells = (ports: readonly number[]): readonly Cell[] =>
  ([4, 6] as const).flatMap((family) =>
    ports.flatMap((port) => (['destinationPort', 'sourcePort'] as const).map((side): Cell => ({ family, protocol: TCP, [side]: { from: port, to: port } }))),
  );

/** Everything of TCP. */
export const ALL_TCP: readonly Cell[] = [{ family: 4, protocol: TCP }, { family: 6, protocol: TCP }];
const isAllTcp = (one: Cell): boolean => ALL_TCP.some((all) => JSON.stringify(all) === JSON.stringify(one));
/** Whether packets of TCP are among those taken. */
export const takesTcp = ({ cells, spared }: { readonly cells: readonly Cell[]; readonly spared: readonly Cell[] }): boolean =>
  !spared.some(isAllTcp) && cells.some(({ protocol }) => protocol === undefined || protocol === TCP);
/** What is spared of a lane's packets, apart from all of TCP, which another lane takes. */
export const withoutTcp = (spared: readonly Cell[]): readonly Cell[] => spared.filter((one) => !isAllTcp(one));

/** Whether a packet of a real connection could be in both; one from port A to port B is nobody's client. */
export function overlap(a: Cell, b: Cell): boolean {
  if (a.family !== b.family || (a.protocol !== undefined && b.protocol !== undefined && a.protocol !== b.protocol)) return false;
  if (!meet(a.source, b.source) || !meet(a.destination, b.destination)) return false;
  const ranged = ({ sourcePort, destinationPort }: Cell): boolean => sourcePort !== undefined || destinationPort !== undefined;
  if (!ranged(a) || !ranged(b)) return true;
  return cross(a.sourcePort, b.sourcePort) || cross(a.destinationPort, b.destinationPort);
}
const cross = (a: PortRange | undefined, b: PortRange | undefined): boolean => a !== undefined && b !== undefined && a.from <= b.to && b.from <= a.to;

function meet(a: Cidr | undefined, b: Cidr | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  const bits = Math.min(a.bits, b.bits);
  return a.bytes.every((byte, i) => {
    const left = Math.max(0, Math.min(8, bits - i * 8));
    return byte >> (8 - left) === (b.bytes[i] ?? 0) >> (8 - left);
  });
}

/** The filters of tc-u32(8) that match one cell. A range of ports is as many as it takes to cover it with masks. */
export function u32Of(one: Cell): readonly string[] {
  const ip = one.family === 4 ? 'ip' : 'ip6';
  const fixed = [
    one.protocol === undefined ? '' : `match ${ip} protocol ${one.protocol} 0xff`,
    one.source === undefined ? '' : `match ${ip} src ${one.source.text}`,
    one.destination === undefined ? '' : `match ${ip} dst ${one.destination.text}`,
  ].filter((part) => part !== '');
  const ports = (side: 'sport' | 'dport', wanted: PortRange | undefined): readonly string[] =>
    wanted === undefined ? [''] : blocksOf(wanted).map(({ value, mask }) => `match ${ip} ${side} ${value} 0x${mask.toString(16)}`);
  return ports('sport', one.sourcePort).flatMap((source) =>
    ports('dport', one.destinationPort).map((destination) => [...fixed, source, destination].filter((part) => part !== '').join(' ') || 'match u32 0 0'),
  );
}

/** The fewest pairs of value and mask that cover a range: at most 30 for 16 bits. */
export function blocksOf({ from, to }: PortRange): readonly { readonly value: number; readonly mask: number }[] {
  const blocks: { value: number; mask: number }[] = [];
  for (let at = from; at <= to; ) {
    let size = at === 0 ? 65_536 : at & -at;
    while (at + size - 1 > to) size /= 2;
    blocks.push({ value: at, mask: 0xffff & ~(size - 1) });
    at += size;
  }
  return blocks;
}

/** The condition of an nft rule that matches one cell. */
export function nftOf(one: Cell): string {
  const ip = one.family === 4 ? 'ip' : 'ip6';
  const ports = (side: 'sport' | 'dport', wanted: PortRange | undefined): string =>
    wanted === undefined ? '' : `th ${side} ${wanted.from === wanted.to ? wanted.from : `${wanted.from}-${wanted.to}`}`;
  return [
    `meta protocol ${ip}`,
    one.source === undefined ? '' : `${ip} saddr ${one.source.text}`,
    one.destination === undefined ? '' : `${ip} daddr ${one.destination.text}`,
    one.protocol === undefined ? '' : `meta l4proto ${one.protocol}`,
    ports('sport', one.sourcePort),
    ports('dport', one.destinationPort),
  ].filter((part) => part !== '').join(' ');
}
