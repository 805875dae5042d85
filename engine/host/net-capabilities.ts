import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Capability } from '../contract/models.ts';
import { inScratch, mayTry, TOOL_PATH, whyRefused } from './scratch-namespace.ts';

/** What the kernel and the tools of this machine can do to packets. Each is '' when it can, else the reason in words. */
export interface NetCapabilities {
  /** Delay, loss, duplication, corruption, reordering in a queue: sch_netem. */
  readonly netem: string;
  /** Classes with a rate, and filters that sort packets into them: sch_htb and cls_u32. */
  readonly shaping: string;
  /** What arrives is sent through a queue: sch_ingress, act_mirred and ifb. */
  readonly redirect: string;
  /** Rules that drop by chance and count: nf_tables. */
  readonly rules: string;
  /** The hook at which packets leave an interface, in Linux since 5.16. */
  readonly egressHook: string;
  /** Rules that send a packet out twice: nft_dup_netdev at that hook. */
  readonly duplicates: string;
  /** Rules that leave packets to a program, which holds and changes them: nfnetlink_queue. Not tried where netem does all that it is for. */
  readonly reader: string;
}

/**
 * Tried, not assumed: each in a namespace of its own, which goes when the trial ends, so that nothing stays but the kernel
 * modules that the kernel may load for it.
 */
const TRIALS: Readonly<Record<Exclude<keyof NetCapabilities, 'reader'>, readonly [program: string, args: readonly string[], input: string]>> = {
  netem: ['tc', ['-batch', '-'], 'qdisc add dev lo root handle fb00: netem delay 1ms loss gemodel 1% 99%\n'],
  shaping: [
    'tc', ['-batch', '-'],
    'qdisc add dev lo root handle fb00: htb default 0\nclass add dev lo parent fb00: classid fb00:10 htb rate 1mbit quantum 1600\nfilter add dev lo parent fb00: protocol ip pref 1 u32 match ip protocol 6 0xff flowid fb00:10\n',
  ],
  redirect: [
    'tc', ['-batch', '-'],
    'qdisc add dev lo ingress_block 64256 ingress\nfilter add block 64256 protocol ip pref 1 u32 match u32 0 0 action mirred egress redirect dev lo\n',
  ],
  rules: ['nft', ['-f', '-'], 'table netdev firebreak_trial { counter seen {}; chain strike { counter name "seen"; numgen random mod 1000000 < 1 drop; }; }\n'],
  egressHook: ['nft', ['-f', '-'], 'table netdev firebreak_trial { chain egress { type filter hook egress device "lo" priority 0; policy accept; }; }\n'],
  duplicates: ['nft', ['-f', '-'], 'table netdev firebreak_trial { chain egress { type filter hook egress device "lo" priority 0; numgen random mod 1000000 < 1 dup to "lo"; }; }\n'],
};
const NAMES: Readonly<Record<keyof NetCapabilities, string>> = {
  netem: 'no netem', shaping: 'no htb with u32', redirect: 'no way to queue what arrives (ifb)', rules: 'no nf_tables with numgen', egressHook: 'no egress hook', duplicates: 'no rule that sends packets twice', reader: 'no queue of packets to a program',
};

const READER_TRIAL = fileURLToPath(new URL('./children/packet-trial.ts', import.meta.url));

let known: NetCapabilities | undefined;

/**
 * What this machine has; tried once in the life of this process. Undefined when this user may not try, so that only who
 * has the rights can tell.
 */
export function netCapabilities(): NetCapabilities | undefined {
  if (known !== undefined) return known;
  if (!mayTry()) return undefined;
  const trial = (what: keyof typeof TRIALS): string => {
    const [program, args, input] = TRIALS[what];
    return refusalOf(what, program, () => inScratch(program, args, input));
  };
  const redirect = trial('redirect') || (ifbMayLoad() ? refusalOf('redirect', 'ip', () => inScratch('ip', ['link', 'add', 'fb0', 'type', 'ifb'], '')) : '');
  const queues = { netem: trial('netem'), shaping: trial('shaping'), redirect };
  const whole = Object.values(queues).every((reason) => reason === '');
  const reader = whole ? 'netem does it' : refusalOf('reader', 'nft', () => inScratch(process.execPath, ['--disable-warning=ExperimentalWarning', READER_TRIAL], ''));
  known = { ...queues, rules: trial('rules'), egressHook: trial('egressHook'), duplicates: trial('duplicates'), reader };
  return known;
}

/** What `firebreak doctor` says of it. */
export function netFacts(): readonly Capability[] {
  const can = netCapabilities();
  const untried = process.platform === 'linux' ? 'this user may not try it; run as root, or start the helper: sudo firebreak helper' : 'only Linux has tc and nft';
  const fact = (name: string, reason: string | undefined, detail: string): Capability => ({ name, available: reason === '', detail: reason === '' ? detail : (reason ?? untried) });
  const police = can?.shaping !== '' && can?.rules === '';
  const netem = can?.netem || (can?.shaping ?? '');
  const arrival = can?.redirect || (can?.shaping ?? '');
  const late = netem || arrival;
  const reader = can?.rules || (can?.reader ?? '');
  const held = (lacking: string): string => `a program that rules leave packets to (${lacking})`;
  const both = (lacking: string): string => lacking && reader && `${lacking}; ${reader}`;
  return [
    fact('delay and damage packets', can && both(netem), netem === '' ? 'netem' : held(netem)),
    fact('send packets twice', can && (netem && can.duplicates), netem === '' ? 'netem' : 'an nft rule, for what leaves'),
    fact('limit the rate of packets', can && (police ? '' : can.shaping), police ? 'an nft limit, which drops what is too much' : 'htb, sorted by u32'),
    fact('lose, drop and reject packets', can && (can.rules === '' || can.netem === '' ? '' : can.rules), can?.rules === '' ? `nft${can.egressHook === '' ? '' : '; programs may be told of what they lose, as this kernel has no egress hook'}` : 'netem'),
    fact('delay and damage packets that arrive', can && both(late), late === '' ? 'netem by way of an ifb' : held(late)),
    fact('limit the rate of packets that arrive', can && (arrival && can.rules), arrival === '' ? 'by way of an ifb' : 'an nft limit, which drops what is too much'),
  ];
}

/**
 * The module would bring two interfaces, ifb0 and ifb1, into the machine's own namespace unless it is told not to. Only root
 * can; who cannot leaves it alone. Where it is no module there is nothing to load.
 */
function ifbMayLoad(): boolean {
  if (process.geteuid?.() !== 0) return existsSync('/sys/module/ifb');
  try {
    execFileSync('modprobe', ['-q', 'ifb', 'numifbs=0'], { timeout: 5_000, stdio: 'ignore', env: { PATH: TOOL_PATH } });
  } catch {
    // Built in, or not there at all: the trial tells.
  }
  return true;
}

function refusalOf(what: keyof NetCapabilities, program: string, trial: () => void): string {
  try {
    trial();
    return '';
  } catch (error) {
    const why = whyRefused(error, program);
    if ('missing' in why) return why.missing;
    const words = why.said;
    return `this kernel has ${NAMES[what]}${words === '' ? '' : ` (${words.replace(/^\S*: /, '').slice(0, 80)})`}`;
  }
}
