import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { relative } from 'node:path';
import { type Capability } from '../contract/models.ts';
import { errnoOf, messageOf } from '../kernel/errors.ts';
import { readText } from './cgroups.ts';
import { controlTrees } from './control-groups.ts';
import { ofGroup, rulesOf } from './dns-rules.ts';
import { inScratch, mayTry, TOOL_PATH, whyRefused } from './scratch-namespace.ts';

/** What this machine can do to the questions of its programs. Each is '' when it can, else the reason in words. */
export interface DnsCapabilities {
  /** Rules that lead questions to a resolver of ours, and go with it. */
  readonly redirect: string;
  /** The same for the processes of one control group. */
  readonly groups: string;
}

let known: DnsCapabilities | undefined;

/**
 * Tried, not assumed: the very rules of a fault, in a network namespace that goes when the trial ends; once in the life of
 * this process. Undefined when this user may not try. Root that may have no namespace, as in a container, asks for the rules
 * to be checked where it is, which puts none in force.
 */
export function dnsCapabilities(): DnsCapabilities | undefined {
  if (known !== undefined) return known;
  const scratch = mayTry();
  if (!scratch && (process.platform !== 'linux' || process.geteuid?.() !== 0)) return undefined;
  const trial = scratch ? tried : checked;
  const redirect = trial('');
  const tree = treeBelow();
  known = { redirect, groups: redirect || (tree === undefined ? 'no control groups of version 2 are mounted below /sys/fs/cgroup' : trial(ofGroup(tree === '' ? '.' : tree, 1))) };
  return known;
}

/** The file that names the servers of this machine. */
export const MACHINE_CONF = '/etc/resolv.conf';

/** What a resolver takes that is named in a file: port 53, and a user of its own; capabilities(7) numbers them. */
const FOR_A_NAME = { CAP_SETUID: 7n, CAP_NET_BIND_SERVICE: 10n } as const;

/** Why this root cannot name a resolver in the file either, or ''. */
function noNamedResolver(): string {
  const held = BigInt(`0x${/^CapEff:\s*([\da-f]+)/m.exec(readText('/proc/self/status'))?.[1] ?? '0'}`);
  const missing = Object.entries(FOR_A_NAME).flatMap(([name, bit]) => ((held >> bit) & 1n) === 1n ? [] : [name]);
  if (missing.length > 0) return `this root cannot name a resolver in ${MACHINE_CONF} either: run as root that has ${missing.join(' and ')}`;
  try {
    accessSync(MACHINE_CONF, constants.W_OK);
    return '';
  } catch (error) {
    return `${MACHINE_CONF} cannot be written (${messageOf(error)})`;
  }
}

/** Why the questions of no program here can be led away, or ''. Who is not root leaves it to the helper. */
export function noDns(can: typeof dnsCapabilities = dnsCapabilities): string {
  if (process.platform !== 'linux') return 'questions are led away by nftables, or by resolv.conf and /proc, on Linux only';
  if (process.geteuid?.() !== 0) return '';
  const redirect = can()?.redirect ?? '';
  const named = redirect === '' ? '' : noNamedResolver();
  return named === '' ? '' : `${redirect}; ${named}`;
}

/** The same for people. */
export function dnsFacts(): readonly Capability[] {
  const found = dnsCapabilities();
  const fact = (name: string, refusal: string | undefined, detail: string): Capability => {
    const why = process.platform === 'linux' ? (refusal ?? 'only root can try; with the helper (sudo firebreak helper) this user need not') : 'it needs nftables, which only Linux has';
    return { name, available: why === '', detail: why || `${detail}${process.geteuid?.() === 0 ? '' : '; by root, or by the helper'}` };
  };
  return [
    // Where there are no rules, whoever is root names a resolver in the file.
    fact('answer what programs ask of name servers', found && noDns(() => found), found?.redirect === '' ? 'by rules that go with their owner' : `those of the whole machine alone, by ${MACHINE_CONF} (${found?.redirect ?? ''})`),
    fact('answer single processes alone', found?.groups, 'by control groups of version 2'),
  ];
}

/** Where nft looks for control groups; it says only what lies below. */
export const GROUP_ROOT = '/sys/fs/cgroup';

/** The path below GROUP_ROOT of the tree of version 2. */
function treeBelow(): string | undefined {
  const mount = controlTrees().find(({ v2 }) => v2)?.mount;
  return mount === undefined || (mount !== GROUP_ROOT && !mount.startsWith(`${GROUP_ROOT}/`)) ? undefined : relative(GROUP_ROOT, mount);
}

const TOKEN = '0';

const rulesFor = (match: string): string =>
  rulesOf(TOKEN, ['192.0.2.1', '2001:db8::1'], [match], { uid: 2_500_000_000, scope: '0' }).replaceAll(/\{\d\}/g, '53');

const tried = (match: string): string =>
  refusalOf(() => {
    const said = inScratch('nft', ['-i'], `${rulesFor(match)}\nlist table inet firebreak_dns_${TOKEN}\n`);
    return said.includes('dport set') ? '' : 'nft takes no commands from a pipe here';
  });

/** Nobody owns what is only checked. */
const checked = (match: string): string =>
  refusalOf(() => {
    const input = rulesFor(match).replace('{ flags owner; }', '');
    execFileSync('nft', ['-c', '-f', '-'], { input, timeout: 5_000, stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: TOOL_PATH, LC_ALL: 'C' } });
    return '';
  });

function refusalOf(trial: () => string): string {
  try {
    return trial();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && error instanceof Error && 'path' in error && error.path === 'nft') return 'there is no nft (apt install nftables)';
    const why = whyRefused(error, 'nft');
    if ('missing' in why) return why.missing;
    return `this kernel or its nft refuses the rules (${why.said.slice(0, 100)})`;
  }
}
