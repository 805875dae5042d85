import { type Link, linksIn } from '../../host/net-links.ts';
import { findNamespace, type NetNamespace, runIn } from '../../host/net-namespace.ts';
import { type Table, tablesIn } from '../../host/nft.ts';
import { classesOf, filtersOf, type Queue, queueingText, queuesOf } from '../../host/tc.ts';
import { type Blueprint, blockOf, hasRules, hex, ifbOf, prefsOf, ROOT, tableOf } from './blueprint.ts';

/** What of Firebreak's is on an interface. */
export interface OnDevice {
  /** The name as it is now: it may have been changed. */
  readonly name: string;
  readonly queues: readonly Queue[];
  readonly classes: readonly string[];
  /** Priorities of filters on the way out and in. */
  readonly outward: readonly number[];
  readonly inward: readonly number[];
}

export const rootOf = (queues: readonly Queue[]): Queue | undefined => queues.find(({ root }) => root === true);
export const isOurRoot = (queue: Queue | undefined): boolean => queue?.kind === 'htb' && queue.handle === ROOT;
export const ingressOf = (queues: readonly Queue[]): Queue | undefined => queues.find(({ kind }) => kind === 'ingress' || kind === 'clsact');
export const isOurIngress = (queue: Queue | undefined, block: number): boolean => queue?.kind === 'ingress' && queue.ingress_block === block;

export async function readDevice(namespace: NetNamespace, name: string, block: number): Promise<OnDevice> {
  const queues = await queuesOf(namespace, name);
  const ours = isOurRoot(rootOf(queues));
  return {
    name,
    queues,
    classes: ours ? (await classesOf(namespace, name)).filter((id) => id.startsWith(ROOT)) : [],
    outward: ours ? await filtersOf(namespace, ['dev', name, 'parent', ROOT]) : [],
    inward: isOurIngress(ingressOf(queues), block) ? await filtersOf(namespace, ['block', String(block)]) : [],
  };
}

/** What is left of one fault, each in words and with the way to remove it. Empty: nothing is. */
export interface Remains {
  /** Undefined when the namespace has gone and all with it. */
  readonly namespace: NetNamespace | undefined;
  /** Undefined when the interface has gone. */
  readonly device: OnDevice | undefined;
  readonly tables: readonly Table[];
  readonly ifb: boolean;
}

/** The interface as it is now; undefined when it has gone, or another has its number or address. */
export async function linkNow(plan: Blueprint): Promise<Link | undefined> {
  const namespace = findNamespace(plan.namespace);
  const { index, address } = plan.device;
  return namespace === undefined ? undefined : (await linksIn(namespace)).find((link) => link.index === index && (address === undefined || link.address === address));
}

export async function readRemains(plan: Blueprint): Promise<Remains> {
  const namespace = findNamespace(plan.namespace);
  if (namespace === undefined) return { namespace, device: undefined, tables: [], ifb: false };
  const links = await linksIn(namespace);
  const link = links.find(({ index }) => index === plan.device.index);
  return {
    namespace,
    device: link === undefined ? undefined : await readDevice(namespace, link.name, blockOf(plan)),
    tables: hasRules(plan) ? (await tablesIn(namespace)).filter(({ name }) => name === tableOf(plan)) : [],
    ifb: links.some(({ name }) => name === ifbOf(plan)),
  };
}

const classId = ({ mark }: Blueprint): string => `${ROOT}${hex(mark)}`;
const own = (plan: Blueprint, prefs: readonly number[]): readonly number[] => prefs.filter((pref) => prefsOf(plan).includes(pref));

/** In words, for the fingerprint. */
export function remainsInWords(plan: Blueprint, { device, tables, ifb }: Remains): readonly string[] {
  return [
    ...tables.map(({ family, name }) => `nft table ${family} ${name}`),
    ...(ifb ? [`interface ${ifbOf(plan)}`] : []),
    ...(device === undefined ? [] : [
      ...own(plan, device.outward).map((pref) => `filter ${pref}`),
      ...own(plan, device.inward).map((pref) => `filter ${pref} on arrival`),
      ...(device.classes.includes(classId(plan)) ? [`class ${classId(plan)}`] : []),
      ...(isOurRoot(rootOf(device.queues)) && device.classes.length === 0 ? ['an empty root queue'] : []),
      ...(isOurIngress(ingressOf(device.queues), blockOf(plan)) && device.inward.length === 0 ? ['an empty queue on arrival'] : []),
    ]),
  ];
}

/**
 * Removes what is left, in reverse order of its making, and nothing else. The queue that several faults share goes with the
 * last of them. @throws FirebreakError `command-failed`.
 */
export async function removeRemains(plan: Blueprint, { namespace, device, tables, ifb }: Remains): Promise<void> {
  if (namespace === undefined) return;
  const tc = (...args: readonly string[]): Promise<string> => runIn(namespace, 'tc', args);
  for (const { family, name } of tables) await runIn(namespace, 'nft', ['delete', 'table', family, name]);
  if (device !== undefined) {
    const { name } = device;
    const block = String(blockOf(plan));
    for (const pref of own(plan, device.inward)) await tc('filter', 'del', 'block', block, 'pref', String(pref));
    if (isOurIngress(ingressOf(device.queues), blockOf(plan)) && (await filtersOf(namespace, ['block', block])).length === 0) await tc('qdisc', 'del', 'dev', name, 'ingress');
    for (const pref of own(plan, device.outward)) await tc('filter', 'del', 'dev', name, 'parent', ROOT, 'pref', String(pref));
    if (device.classes.includes(classId(plan))) await tc('class', 'del', 'dev', name, 'classid', classId(plan));
    if (isOurRoot(rootOf(device.queues)) && (await classesOf(namespace, name)).length === 0) await tc('qdisc', 'del', 'dev', name, 'root', 'handle', ROOT);
  }
  if (ifb) await runIn(namespace, 'ip', ['link', 'del', ifbOf(plan)]);
}

/** What others have set up on an interface, in the words of tc; what the kernel itself gives has the handle 0. */
export async function foreignQueueing(namespace: NetNamespace, name: string, block: number): Promise<Blueprint['prior']> {
  const queues = await queuesOf(namespace, name);
  const text = await queueingText(namespace, name, !isOurIngress(ingressOf(queues), block));
  const lines: string[] = [];
  let foreign = false;
  for (const line of text.split('\n')) {
    // What is indented belongs to the line above.
    if (!/^\s/.test(line)) foreign = !/ fb00:|^qdisc \S+ 0: /.test(line) && !line.includes(`ingress_block ${block}`);
    if (foreign && line !== '') lines.push(line);
  }
  return lines;
}

export const changes = (prior: Blueprint['prior'], now: Blueprint['prior']): readonly string[] => [
  ...prior.filter((line) => !now.includes(line)).map((line) => `without ${line}`),
  ...now.filter((line) => !prior.includes(line)).map((line) => `with ${line}`),
];
