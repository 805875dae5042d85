import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest, type GuardRemark } from '../../kernel/fault.ts';
import { duration, type FieldMeta, flag, ratio, scoped } from '../../kernel/fields.ts';
import { parseCidrs, parseEndpoint, parsePorts, parseRate, parseTarget, TARGET_HELP } from './selection.ts';

/** A text that is checked as it is read; YAML reads a bare 5432 as a number. */
const checked = (help: string, example: string, wrong: (text: string) => string | undefined) =>
  z.coerce
    .string()
    .max(1_000, 'expected at most 1000 characters')
    .superRefine((text, context) => {
      const message = text === '' ? undefined : wrong(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .default('')
    .meta({ help, example } satisfies FieldMeta);

const errorIn = <Read extends object>(read: (text: string) => Read | { readonly error: string }) => (text: string): string | undefined => {
  const result = read(text);
  return 'error' in result ? result.error : undefined;
};
/** What waits in the queue is kept in memory: a minute is the most. */
const LONGEST = 60_000;

const params = z.strictObject({
  port: scoped(checked('Only traffic from or to these ports, such as 5432 or 80,8000-8010.', '5432', errorIn(parsePorts))),
  cidr: scoped(checked('Only traffic of these networks at the far end, such as 10.0.0.0/8 or fd00::/8.', '10.0.0.0/8', errorIn(parseCidrs))),
  protocol: scoped(
    z.enum(['any', 'tcp', 'udp', 'icmp'], { error: 'expected any, tcp, udp or icmp' }).default('any')
      .meta({ help: 'Only traffic of this protocol, over IPv4 and IPv6.', example: 'tcp' } satisfies FieldMeta),
  ),
  direction: scoped(
    z.enum(['auto', 'egress', 'ingress', 'both'], { error: 'expected auto, egress, ingress or both' }).default('auto')
      .meta({ help: 'Which packets: egress leave by the interface, ingress arrive there. auto: one way, so that a round trip is struck once, which is what leaves, or of TCP what arrives where a program holds the packets; for a partition both.', example: 'egress' } satisfies FieldMeta),
  ),
  latency: duration('How much later packets go on.', LONGEST),
  jitter: duration('How far the latency varies, up and down.', LONGEST),
  correlation: ratio('How much each jitter and each loss resembles the one before.'),
  loss: ratio('Share of packets that are lost.'),
  duplication: ratio('Share of packets that arrive twice.'),
  corruption: ratio('Share of packets that arrive with one bit changed.'),
  reordering: ratio('Share of packets that do not wait for the latency and so overtake others.'),
  rate: checked('How much may pass a second, such as 1mbit or 512kbit.', '1mbit', (text) =>
    parseRate(text) === undefined ? 'expected a rate from 8kbit to 10gbit, such as 1mbit' : undefined),
  partition: z.enum(['off', 'drop', 'reject'], { error: 'expected off, drop or reject' }).default('off')
    .meta({ help: 'Let nothing pass: drop is silent, reject answers at once that there is no way.', example: 'drop' } satisfies FieldMeta),
  probe: checked('Where to measure how long a connection takes, before and during the fault: host:port.', '10.0.0.2:5432', (text) =>
    parseEndpoint(text) === undefined ? 'expected host:port, such as 10.0.0.2:5432 or [fd00::2]:5432' : undefined),
  allowWhole: scoped(flag('Allow to strike the whole loopback interface, or to cut the whole interface of the default route.')),
});
export type NetworkParams = z.infer<typeof params>;

/** What takes effect on packets that pass; the rest chooses them or measures. */
const EFFECTS = ['latency', 'jitter', 'loss', 'duplication', 'corruption', 'reordering', 'rate'] as const;
const asksFor = (asked: NetworkParams, effect: (typeof EFFECTS)[number]): boolean => asked[effect] !== 0 && asked[effect] !== '';
const isNoop = (asked: NetworkParams): boolean => asked.partition === 'off' && !EFFECTS.some((effect) => asksFor(asked, effect));

export const networkManifest = defineManifest({
  type: 'network',
  layer: 'host',
  summary: 'Delays, loses, damages, slows or cuts the packets of a network interface.',
  params,
  target: {
    required: false,
    help: TARGET_HELP,
    example: 'eth0',
    check: (target) => {
      const aim = parseTarget(target);
      return 'error' in aim ? { message: aim.error, hint: 'write for example eth0, netns:shop/eth0 or pid:4711' } : undefined;
    },
  },
  example: { port: '5432', latency: '100ms' },
  noop: isNoop,
  severity: (asked) => {
    const late = asked.latency + asked.jitter;
    // The weights of the guard for a delay (CAPABILITIES, "Guard"); a lost packet costs TCP a retransmission of 200 ms and more.
    const delay = late >= 5_000 ? 1 : late >= 1_000 ? 0.6 : late > 0 ? 0.3 : 0;
    const lost = Math.max(asked.loss, asked.corruption);
    return Math.max(asked.partition === 'off' ? 0 : 1, delay, lost >= 0.5 ? 1 : lost >= 0.05 ? 0.6 : lost > 0 ? 0.3 : 0, isNoop(asked) ? 0 : 0.3);
  },
  remarks: (asked) => {
    const remarks: GuardRemark[] = [];
    if (asked.partition !== 'off') remarks.push('tcp-drop');
    if (asked.latency + asked.jitter >= 5_000) remarks.push('long-latency');
    return remarks;
  },
  explain: (asked, target) => `${whose(asked, target)}: ${effectsOf(asked)}.`,
  platforms: ['linux'],
  privileges: ['root, to set up queues (tc) and rules (nft) of its own'],
  needsRoot: () => true,
  // The packets of one service, those of a whole interface, and what keeps a machine from all others.
  blastRadius: (asked, target) => (asked.allowWhole ? 4 : asked.port !== '' || asked.cidr !== '' || /^(netns|pid):/.test(target) ? 2 : 3),
  verifyWithin: 15_000,
  check: (asked) => {
    const found: { field: string; message: string; hint: string }[] = [];
    const find = (field: keyof NetworkParams, message: string, hint: string): void => void found.push({ field, message, hint });
    if (asked.jitter > asked.latency) find('jitter', 'expected at most the latency', 'no packet can go on before it came; raise latency');
    if (asked.reordering > 0 && asked.latency === 0) find('reordering', 'expected a latency', 'a packet overtakes those that wait; set latency');
    if (asked.correlation > 0 && asked.jitter === 0 && asked.loss === 0) find('correlation', 'expected jitter or loss', 'leave correlation out');
    if (asked.correlation === 1) find('correlation', 'expected less than 1', 'what never changes is no chance');
    if (asked.protocol === 'icmp' && asked.port !== '') find('port', 'expected no port: icmp has none', 'leave port or protocol out');
    if (asked.partition !== 'off' && EFFECTS.some((effect) => asksFor(asked, effect))) {
      find('partition', 'expected no other effect: nothing passes', 'leave the others out, or partition');
    }
    return found;
  },
});

const share = (chance: number): string => `${Math.round(chance * 100_000) / 1_000} %`;

function effectsOf(asked: NetworkParams): string {
  if (asked.partition !== 'off') return asked.partition === 'drop' ? 'all dropped' : 'all rejected';
  const parts = [
    asked.latency > 0 && `delayed by ${formatDuration(asked.latency)}${asked.jitter > 0 ? ` give or take ${formatDuration(asked.jitter)}` : ''}`,
    asked.loss > 0 && `${share(asked.loss)} lost`,
    asked.duplication > 0 && `${share(asked.duplication)} doubled`,
    asked.corruption > 0 && `${share(asked.corruption)} damaged`,
    asked.reordering > 0 && `${share(asked.reordering)} reordered`,
    asked.rate !== '' && `at most ${asked.rate} a second`,
  ].filter((part) => part !== false);
  return parts.length === 0 ? 'left as they are' : parts.join(', ');
}

/** Which way a fault goes when the policy leaves it open. */
export const directionOf = (asked: Pick<NetworkParams, 'direction' | 'partition'>): 'egress' | 'ingress' | 'both' =>
  asked.direction !== 'auto' ? asked.direction : asked.partition === 'off' ? 'egress' : 'both';

const WAYS = { auto: 'pass one way', egress: 'leave', ingress: 'arrive', both: 'leave or arrive' } as const;
function whose(asked: NetworkParams, target: string): string {
  const protocol = asked.protocol === 'any' ? 'Packets' : `${asked.protocol.toUpperCase()} packets`;
  const port = asked.port === '' ? '' : ` of port ${asked.port}`;
  const cidr = asked.cidr === '' ? '' : ` of ${asked.cidr}`;
  return `${protocol}${port}${cidr} that ${WAYS[asked.direction === 'auto' && asked.partition === 'off' ? 'auto' : directionOf(asked)]}${target.trim() === '' ? '' : ` at ${target.trim()}`}`;
}
