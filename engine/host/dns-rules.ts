import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type NetNamespace, runIn } from './net-namespace.ts';

/**
 * The rules that lead questions to a resolver of ours: one nft table for each fault, owned by a process, so that the kernel
 * removes it when that process ends (nft(8), "owner").
 */

/** NF_IP_PRI_RAW: before the kernel follows connections, so that the rules need no memory of them. */
const PRIORITY = -300;
/** Next above NF_IP_PRI_CONNTRACK_DEFRAG, which puts fragments together. Of two there the kernel takes the newer first (nf_hook_entries_grow). */
const FIRST_OF_ALL = -399;
/** In every listing of a table that is whole. */
const MARK = 'dport set';
/** Users that no system gives to anybody: above what systemd-homed and nspawn allocate (systemd's "Users, Groups, UIDs and GIDs"). */
const FIRST_USER = 2_500_000_000;
const LAST_USER = FIRST_USER + 9_999;

export const tableOf = (token: string): string => `firebreak_dns_${token}`;
const TABLE = /^firebreak_dns_[0-9a-f]+$/;

/** What a packet must be like for the rules to take it; '' is every packet. */
export type Match = string;
export const ofUser = (uid: number): Match => `meta skuid ${uid}`;

/** @param path of the group below /sys/fs/cgroup, where nft looks; @param level its depth in its tree. */
export function ofGroup(path: string, level: number): Match {
  if (/["\n\r\t]/.test(path)) throw new FirebreakError('bad-target', `the control group ${path} has a name that no rule can say`);
  return `socket cgroupv2 level ${level} "${path}"`;
}

/** A dns fault that holds rules in a namespace. */
export interface OtherRules {
  /** The user that its resolver is. */
  readonly uid: number;
  /** A hash of whom it takes. */
  readonly scope: string;
}

const chains = z.object({ nftables: z.array(z.object({ chain: z.object({ table: z.string(), name: z.string() }).optional() })) });
const CHAIN = /^out_(\d+)_([0-9a-f]+)$/;

/** The dns faults in a namespace, the first first. */
export async function rulesIn(namespace: NetNamespace): Promise<readonly OtherRules[]> {
  const all = chains.parse(JSON.parse(await runIn(namespace, 'nft', ['-j', 'list', 'chains'])));
  return all.nftables.flatMap(({ chain }) => {
    const match = chain === undefined || !TABLE.test(chain.table) ? null : CHAIN.exec(chain.name);
    return match === null ? [] : [{ uid: Number(match[1]), scope: match[2] ?? '' }];
  });
}

/** The user for the next resolver: each is higher than those before it, which are to see its questions. */
export const nextUser = (others: readonly OtherRules[]): number => Math.max(FIRST_USER - 1, ...others.map(({ uid }) => uid)) + 1;

/**
 * One line for `nft -i`: questions of whom the matches say, to each of these servers, go to the port `{N}`, and what comes
 * from there looks as if the server had said it. Addresses are rewritten packet by packet: a translation that the kernel
 * remembers would outlive the rules by half a minute, and lead to a resolver that has ended. What this resolver asks itself
 * passes, and what earlier ones ask; what later ones of the same scope ask comes here. Programs come to the latest first, since
 * its rules come first, so that several faults act one after the other.
 */
export function rulesOf(
  token: string, servers: readonly string[], matches: readonly Match[], own: OtherRules,
): string {
  const table = `inet ${tableOf(token)}`;
  const out = `out_${own.uid}_${own.scope}`;
  const each = (rule: (ip: string, here: string, server: string, protocol: string, port: string) => string): readonly string[] =>
    servers.flatMap((server, index) => {
      const [ip, here] = isIPv6(server) ? ['ip6', '::1'] : ['ip', '127.0.0.1'];
      return ['udp', 'tcp'].map((protocol) => `add rule ${table} ${rule(ip, here, server, protocol, `{${index}}`)}`);
    });
  const priority = Math.max(FIRST_OF_ALL, PRIORITY - (own.uid - FIRST_USER));
  return [
    `add table ${table} { flags owner; }`,
    `add chain ${table} lead`,
    `add chain ${table} ${out} { type route hook output priority ${priority}; policy accept; }`,
    ...each((ip, here, server, protocol, port) => `${out} ${ip} saddr ${here} ${protocol} sport ${port} notrack ${ip} saddr set ${server} ${protocol} sport set 53 accept`),
    `add rule ${table} ${out} meta skuid ${FIRST_USER}-${own.uid} return`,
    ...each((ip, here, server, protocol, port) => `lead ${ip} daddr ${server} ${protocol} dport 53 notrack ${ip} daddr set ${here} ${protocol} dport set ${port} accept`),
    ...[...matches, `meta skuid ${own.uid + 1}-${LAST_USER}`].map((match) => `add rule ${table} ${out} ${match} goto lead`),
  ].join('; ');
}

/** Whether the table of this fault is there, with what it is to hold. */
export async function hasRules(namespace: NetNamespace, token: string): Promise<boolean> {
  try {
    return (await runIn(namespace, 'nft', ['list', 'table', 'inet', tableOf(token)])).includes(MARK);
  } catch (error) {
    if (/Error: No such file or directory/.test(messageOf(error))) return false;
    throw error;
  }
}

/** Removes the table where its owner has left it, as no kernel should. */
export const removeRules = async (namespace: NetNamespace, token: string): Promise<void> => void (await runIn(namespace, 'nft', ['delete', 'table', 'inet', tableOf(token)]));
