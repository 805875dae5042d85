import { relative } from 'node:path';
import { type Capability } from '../contract/models.ts';
import { controlTrees } from './control-groups.ts';
import { ofGroup, rulesOf } from './dns-rules.ts';
import { inScratch, mayTry, whyRefused } from './scratch-namespace.ts';

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
 * this process. Undefined when this user may not try.
 */
export function dnsCapabilities(): DnsCapabilities | undefined {
  if (known !== undefined) return known;
  if (!mayTry()) return undefined;
  const redirect = trial('');
  const tree = treeBelow();
  known = { redirect, groups: redirect || (tree === undefined ? 'no control groups of version 2 are mounted below /sys/fs/cgroup' : trial(ofGroup(tree === '' ? '.' : tree, 1))) };
  return known;
}

/** The same for people. */
export function dnsFacts(): readonly Capability[] {
  const found = dnsCapabilities();
  const fact = (name: string, refusal: string | undefined, detail: string): Capability => {
    const why = process.platform === 'linux' ? (refusal ?? 'only root can try; with the helper (sudo firebreak helper) this user need not') : 'it needs nftables, which only Linux has';
    return { name, available: why === '', detail: why || `${detail}${process.geteuid?.() === 0 ? '' : '; by root, or by the helper'}` };
  };
  return [
    fact('answer what programs ask of name servers', found?.redirect, 'by rules that go with their owner'),
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

function trial(match: string): string {
  const rules = rulesOf(TOKEN, ['192.0.2.1', '2001:db8::1'], [match], { uid: 2_500_000_000, scope: '0', earlier: [] });
  try {
    const said = inScratch('nft', ['-i'], `${rules.replaceAll(/\{\d\}/g, '53')}\nlist table inet firebreak_dns_${TOKEN}\n`);
    return said.includes('dport set') ? '' : 'nft takes no commands from a pipe here';
  } catch (error) {
    const why = whyRefused(error, 'nft');
    if ('missing' in why) return why.missing;
    return `this kernel or its nft refuses the rules (${why.said.slice(0, 100)})`;
  }
}
