/**
 * Which packets a network fault takes, read from the words of a policy. Browser-safe: it only reads text. What cannot be
 * read comes back as `{ error }`.
 */

/** Where the interfaces are: in the network namespace of this Firebreak, in a named one, or in that of a process. */
export type Place = { readonly kind: 'own' } | { readonly kind: 'netns'; readonly name: string } | { readonly kind: 'pid'; readonly pid: number };

export interface Aim {
  readonly place: Place;
  /** Names of interfaces; empty: chosen by the routes. */
  readonly interfaces: readonly string[];
}

/** A network: `bytes` has 4 or 16 numbers, those beyond `bits` zero. */
export interface Cidr {
  readonly text: string;
  readonly bytes: readonly number[];
  readonly bits: number;
}
export interface PortRange {
  readonly from: number;
  readonly to: number;
}
export type Failure = { readonly error: string };

export const TARGET_HELP =
  'Interfaces such as eth0 or eth0,eth1; in another network namespace netns:NAME/eth0 or pid:4711/eth0. Without one: those on the way to the networks named, or else of the default route.';

/** Less than the kernel takes (dev_valid_name in net/core/dev.c): nothing that tc or nft could read as more than a name. */
export const INTERFACE = /^[\w.@+][\w.@+=-]{0,14}$/;
/** `ip netns` keeps the names as files. */
const NETNS = /^[\w.][\w.-]{0,63}$/;

export function parseTarget(target: string): Aim | Failure {
  const text = target.trim();
  const match = /^(netns|pid):([^/]*)(?:\/(.*))?$/.exec(text);
  const place = match === null ? ({ kind: 'own' } as const) : placeOf(match[1] ?? '', match[2] ?? '');
  if ('error' in place) return place;
  const list = match === null ? text : (match[3] ?? '');
  const interfaces = list === '' ? [] : list.split(',').map((name) => name.trim());
  const wrong = interfaces.find((name) => !INTERFACE.test(name) || name === '.' || name === '..');
  return wrong === undefined ? { place, interfaces: [...new Set(interfaces)] } : { error: `"${wrong}" is no name of an interface` };
}

function placeOf(kind: string, value: string): Place | Failure {
  if (kind === 'netns') return NETNS.test(value) ? { kind, name: value } : { error: `"${value}" is no name of a network namespace` };
  return /^[1-9]\d{0,9}$/.test(value) ? { kind: 'pid', pid: Number(value) } : { error: `"${value}" is no process id` };
}

/** `5432`, `80,443` or `8000-8010`. */
export function parsePorts(text: string): readonly PortRange[] | Failure {
  const ranges: PortRange[] = [];
  for (const part of wordsOf(text)) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (match === null || from < 1 || to > 65_535 || to < from) return { error: 'expected ports from 1 to 65535, such as 5432 or 80,8000-8010' };
    ranges.push({ from, to });
  }
  return ranges;
}

/** `10.0.0.0/8, fd00::/8`; an address alone is itself. */
export function parseCidrs(text: string): readonly Cidr[] | Failure {
  const found: Cidr[] = [];
  for (const part of wordsOf(text)) {
    const cidr = parseCidr(part);
    if (cidr === undefined) return { error: 'expected networks such as 10.0.0.0/8 or fd00::/8, or addresses' };
    if (!found.some((other) => other.text === cidr.text)) found.push(cidr);
  }
  return found;
}

export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length, ...rest] = text.split('/');
  const bytes = address.includes(':') ? sixteen(address) : four(address);
  if (bytes === undefined || rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length))) return undefined;
  const bits = length === undefined ? bytes.length * 8 : Number(length);
  if (bits > bytes.length * 8) return undefined;
  const masked = bytes.map((byte, i) => byte & maskOf(bits - i * 8));
  const written = masked.length === 4 ? masked.join('.') : groupsOf(masked).map((group) => group.toString(16)).join(':');
  return { text: `${written}/${bits}`, bytes: masked, bits };
}

/** The first `bits` of a byte; 0 and less are none, 8 and more are all. */
const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 8 ? 255 : (0xff << (8 - bits)) & 0xff);
const groupsOf = (bytes: readonly number[]): number[] => Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));

function four(text: string): number[] | undefined {
  const parts = text.split('.');
  const bytes = parts.map(Number);
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part)) && bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** The text forms of RFC 4291, section 2.2, but for the one that ends like IPv4. */
function sixteen(text: string): number[] | undefined {
  const halves = text.split('::');
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const [front = [], back = []] = groups;
  const missing = 8 - front.length - back.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return undefined;
  const whole = [...front, ...Array.from({ length: halves.length === 2 ? missing : 0 }, () => '0'), ...back];
  if (!whole.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return whole.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]);
}

/** Factors of `tc`, tc(8) "UNITS": decimal for bits, per second. */
const RATES: Readonly<Record<string, number>> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 };
/** Slower than 8 kbit no TCP handshake ends in time; 10 Gbit/s is beyond what a test could tell from no limit. */
export const RATE_LIMITS = { min: 8e3, max: 1e10 } as const;

/** `1mbit`, `512kbit` or `2.5gbit` as bits a second. */
export function parseRate(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?)\s*([kmg]?bit)$/i.exec(text.trim());
  const rate = Math.round(Number(match?.[1]) * (RATES[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN));
  return rate >= RATE_LIMITS.min && rate <= RATE_LIMITS.max ? rate : undefined;
}

/** `10.0.0.2:5432` or `[fd00::2]:5432`. */
export function parseEndpoint(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  return match === null || port < 1 || port > 65_535 ? undefined : { host: match[1] ?? match[2] ?? '', port };
}

const wordsOf = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '');
