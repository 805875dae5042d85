import { type NetCommand } from '../../host/net-namespace.ts';
import { type Blueprint, blockOf, copiesByRule, hasRules, hex, ifbOf, type Lane, type Netem, prefsOf, ROOT, tableOf } from './blueprint.ts';
import { type Cell, nftOf, u32Of } from './packets.ts';

/** What of Firebreak's is on the interface already, from another fault. */
export interface There {
  readonly root: boolean;
  readonly ingress: boolean;
}

/** Everything that injecting a fault comes to, in order: the commands and nothing else reach the kernel. */
export function commandsFor(plan: Blueprint, there: There): readonly NetCommand[] {
  const egress = plan.lanes.find(({ hook, queue }) => hook === 'egress' && queue !== null);
  const ingress = plan.lanes.find(({ hook, queue }) => hook === 'ingress' && queue !== null);
  return [
    ...(ingress === undefined ? [] : [batch('ip', [`link add ${ifbOf(plan)} type ifb`, `link set ${ifbOf(plan)} up`])]),
    ...(egress === undefined ? [] : [batch('tc', outwards(plan, egress, there.root))]),
    ...(ingress === undefined ? [] : [batch('tc', inwards(plan, ingress, there.ingress))]),
    ...(hasRules(plan) ? [{ program: 'nft' as const, input: rulesetOf(plan) }] : []),
  ];
}

const batch = (program: 'tc' | 'ip', lines: readonly string[]): NetCommand => ({ program, input: `${lines.join('\n')}\n` });

function outwards(plan: Blueprint, lane: Lane, there: boolean): readonly string[] {
  const { device: { name }, mark } = plan;
  return [
    // `default 0`: what no filter picks passes as before, unclassified. Some devices keep no queue, which would be two packets.
    ...(there ? [] : [`qdisc add dev ${name} root handle ${ROOT} htb default 0 direct_qlen 1000`]),
    ...classOf(name, mark, lane),
    ...filters(plan, lane, `dev ${name} parent ${ROOT}`, `flowid ${ROOT}0`, `flowid ${ROOT}${hex(mark)}`),
  ];
}

/** What arrives goes by way of an interface of the fault's own, all of which is one class. */
function inwards(plan: Blueprint, lane: Lane, there: boolean): readonly string[] {
  const ifb = ifbOf(plan);
  const block = blockOf(plan);
  return [
    `qdisc add dev ${ifb} root handle ${ROOT} htb default ${hex(plan.mark)}`,
    ...classOf(ifb, plan.mark, lane),
    ...(there ? [] : [`qdisc add dev ${plan.device.name} ingress_block ${block} ingress`]),
    // A filter without an action lets pass.
    ...filters(plan, lane, `block ${block}`, 'flowid :1', `action mirred egress redirect dev ${ifb}`),
  ];
}

function classOf(device: string, mark: number, { queue }: Lane): readonly string[] {
  const id = hex(mark);
  if (queue === null) return [];
  // A class must have a rate; this one is beyond what a host can send. `burst`: 5 ms, so that timers need not be exact.
  const rate = queue.rate === null ? 'rate 100gbit burst 12mb cburst 12mb' : `rate ${Math.round(queue.rate)}bit ${burst(queue.rate)}`;
  const leaf = queue.netem === null ? `pfifo limit ${queue.limit}` : `netem limit ${queue.limit} ${netemArgs(queue.netem)}`;
  return [
    `class add dev ${device} parent ${ROOT} classid ${ROOT}${id} htb ${rate} quantum 60000`,
    `qdisc add dev ${device} parent ${ROOT}${id} handle ${id}: ${leaf}`,
  ];
}
const burst = (rate: number): string => {
  const bytes = Math.max(3_200, Math.ceil((rate / 8) * 0.005));
  return `burst ${bytes} cburst ${bytes}`;
};

const us = (ms: number): string => `${Math.round(ms * 1_000)}us`;
const percent = (share: number): string => `${Math.round(share * 1e8) / 1e6}%`;

/** In the words of tc-netem(8). */
export function netemArgs(asked: Netem): string {
  const { latency, jitter, correlation: like, loss } = asked;
  return [
    latency > 0 && `delay ${us(latency)}${jitter > 0 ? ` ${us(jitter)}${like > 0 ? ` ${percent(like)}` : ''}` : ''}`,
    // netem's own correlation makes chances below one half rarer. A chain of two states (Gilbert) loses exactly the share asked
    // for, and each loss is like the one before by exactly the correlation: p = loss (1 - c), r = (1 - loss) (1 - c).
    loss > 0 && (like > 0 && loss < 1 ? `loss gemodel ${percent(loss * (1 - like))} ${percent((1 - loss) * (1 - like))}` : `loss ${percent(loss)}`),
    asked.duplication > 0 && `duplicate ${percent(asked.duplication)}`,
    asked.corruption > 0 && `corrupt ${percent(asked.corruption)}`,
    asked.reordering > 0 && `reorder ${percent(asked.reordering)}`,
  ].filter((part) => part !== false).join(' ');
}

function filters(plan: Blueprint, { cells, spared }: Lane, where: string, pass: string, take: string): readonly string[] {
  const [four, six] = prefsOf(plan);
  const write = (cell: Cell, verdict: string): readonly string[] =>
    u32Of(cell).map((match) => `filter add ${where} protocol ${cell.family === 4 ? 'ip' : 'ipv6'} pref ${cell.family === 4 ? four : six} u32 ${match} ${verdict}`);
  // Of one priority the first that matches decides.
  return [...spared.flatMap((cell) => write(cell, pass)), ...cells.flatMap((cell) => write(cell, take))];
}

/** Chances are dealt in millionths. */
const MILLION = 1_000_000;

/** Where the packets of one direction meet what is done to them. */
export const strikeChain = (hook: Lane['hook']): string => `strike_${hook}`;

/** Tables with counters of their own; nothing outside of them is named. */
function rulesetOf(plan: Blueprint): string {
  const lanes = plan.lanes.filter(({ rules }) => rules !== null);
  const copies = plan.lanes.filter((lane) => lane.copies !== null);
  const table = (family: string, chains: readonly string[]): string => (chains.length === 0 ? '' : `table ${family} ${tableOf(plan)} {\n${chains.join('\n')}\n}\n`);
  return table(plan.family, lanes.map((lane) => laneRules(plan, lane))) + table('netdev', copies.map((lane) => copyRules(plan, lane))) + table('inet', copies.filter(copiesByRule).map((lane) => originRules(plan, lane)));
}

function laneRules({ family, device: { name } }: Blueprint, { hook, cells, spared, rules, reader }: Lane): string {
  if (rules === null) return '';
  const drop = `counter name "dropped_${hook}" drop`;
  const strike = [
    `counter name "seen_${hook}"`,
    ...(rules.loss > 0 ? [`numgen random mod ${MILLION} < ${Math.round(rules.loss * MILLION)} ${drop}`] : []),
    ...(rules.police === null ? [] : [`limit rate over ${Math.round(rules.police / 8)} bytes/second burst ${Math.max(15_000, Math.ceil(rules.police / 80))} bytes ${drop}`]),
    ...(rules.cut === 'drop' ? [drop] : []),
    ...(rules.cut === 'reject' ? [`meta l4proto tcp counter name "dropped_${hook}" reject with tcp reset`, `counter name "dropped_${hook}" reject with icmpx type no-route`] : []),
  ];
  const chains = (reader === null ? hooksOf(family, hook, rules.cut) : [reader.at]).map((at) => {
    const device = family === 'netdev' ? ` device "${name}"` : '';
    const here = family === 'netdev' ? '' : `meta ${at === 'output' || at === 'postrouting' || (at === 'forward' && hook === 'egress') ? 'oifname' : 'iifname'} "${name}" `;
    const lines = [
      `type filter hook ${at}${device} priority 0; policy accept;`,
      ...spared.map((cell) => `${here}${nftOf(cell)} accept`),
      ...cells.map((cell) => `${here}${nftOf(cell)} goto ${strikeChain(hook)}`),
    ];
    return `chain ${hook}_${at} {\n${lines.join('\n')}\n}`;
  });
  return [`counter seen_${hook} { }`, `counter dropped_${hook} { }`, `chain ${strikeChain(hook)} {\n${strike.join('\n')}\n}`, ...chains].join('\n');
}

/** A packet can be answered with a refusal only on its way in, on or out; dropped it can be where it passes the interface. */
function hooksOf(family: Blueprint['family'], hook: Lane['hook'], cut: 'drop' | 'reject' | null): readonly string[] {
  if (family === 'netdev') return [hook];
  if (cut === 'reject') return hook === 'egress' ? ['output', 'forward'] : ['input', 'forward'];
  return hook === 'egress' ? ['postrouting'] : ['prerouting'];
}

/** A packet that is to be cut up on its way out counts as one here, and as its parts in a queue. Bytes, with the head of the link. */
const WHOLE_PACKET = 1_600;

/** Where packets leave for the queue, before it: all that come to the fault's own interface, or those that it takes. */
function copyRules(plan: Blueprint, { hook, cells, spared, queue, copies }: Lane): string {
  const { device } = plan;
  const own = hook === 'ingress' && queue !== null;
  const copy = [
    `counter name "before_${hook}"`,
    ...(copies !== null && copiesByRule({ copies })
      ? [`numgen random mod ${MILLION} < ${Math.round(copies.chance * MILLION)} dup to "${device.name}"`]
      : [`meta length > ${WHOLE_PACKET} counter name "long_${hook}"`]),
  ];
  return [
    ...['before', 'long'].map((name) => `counter ${name}_${hook} { }`),
    `chain copy_${hook} {\n${copy.join('\n')}\n}`,
    `chain copies_${hook} {\ntype filter hook egress device "${own ? ifbOf(plan) : device.name}" priority -1; policy accept;`,
    ...(own ? [`goto copy_${hook}`] : [...spared.map((cell) => `${nftOf(cell)} accept`), ...cells.map((cell) => `${nftOf(cell)} goto copy_${hook}`)]),
    '}',
  ].join('\n');
}

/** A copy passes the interface alone: what is counted just before that are the packets themselves. */
const originRules = ({ device: { name } }: Blueprint, { hook, cells, spared }: Lane): string => [
  `counter origin_${hook} { }`,
  `chain origins_${hook} {\ntype filter hook postrouting priority 400; policy accept;`,
  ...spared.map((cell) => `oifname "${name}" ${nftOf(cell)} accept`),
  ...cells.map((cell) => `oifname "${name}" ${nftOf(cell)} counter name "origin_${hook}" accept`),
  '}',
].join('\n');
