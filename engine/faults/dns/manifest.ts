import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { defineManifest } from '../../kernel/fault.ts';
import { duration, type FieldMeta, ratio, readWith, scoped, unread } from '../../kernel/fields.ts';
import { parseSelector, SELECTOR_HELP } from '../../kernel/process-selector.ts';

/** resolv.conf(5) lets programs wait up to 30 s; what waits longer has been given up. */
const LONGEST_DELAY = 30_000;
/** Addresses that lead nowhere: for documentation (RFC 5737, RFC 3849). */
const NOWHERE = { ipv4: '192.0.2.1', ipv6: '2001:db8::1' } as const;

const line = (help: string, example: string, fallback = '') =>
  z.string({ error: 'expected text' }).max(4_096, 'expected at most 4096 characters').default(fallback).meta({ help, example } satisfies FieldMeta);
const only = readWith('action');

const params = z.object({
  action: z
    .enum(['nxdomain', 'servfail', 'wrong-address', 'delay', 'drop'], { error: 'expected nxdomain, servfail, wrong-address, delay or drop' })
    .default('nxdomain')
    .meta({ help: 'Say that the name does not exist, that the server failed, or another address; answer late, or not at all.', example: 'nxdomain' } satisfies FieldMeta),
  names: scoped(line('Which names: all, or names such as api.example.org and *.example.org (all below it), parted by commas.', 'api.example.org, *.db.example.org', 'all')),
  except: scoped(line('Names that are left alone, written in the same way. Always: localhost, and the hosts that the routes of the file lead to.', 'api.example.org')),
  chance: ratio('The chance of each look-up, with all questions that belong to it.', 1),
  delay: only(duration('How long an answer is late.', LONGEST_DELAY, 2_000), 'delay'),
  ipv4: only(line('The wrong IPv4 address; empty leaves questions for one alone.', NOWHERE.ipv4, NOWHERE.ipv4), 'wrong-address'),
  ipv6: only(line('The wrong IPv6 address; empty leaves questions for one alone.', NOWHERE.ipv6, NOWHERE.ipv6), 'wrong-address'),
});
export type DnsParams = z.infer<typeof params>;

const TARGET_HELP = `host (all programs of this machine), netns:NAME (a network namespace), container:NAME (Docker, Podman), or processes: ${SELECTOR_HELP}`;
/** Which programs are taken. */
export type DnsTarget = { readonly kind: 'host' } | { readonly kind: 'netns'; readonly name: string } | { readonly kind: 'processes' };
const CONTAINER = /^container:[\w][\w.-]{0,254}$/;
/** `ip netns` keeps the names as files. */
const NETNS = /^netns:([\w.][\w.-]{0,63})$/;

export function parseTarget(target: string): DnsTarget | { readonly error: string } {
  if (target === 'host' || target === '') return { kind: 'host' };
  const name = NETNS.exec(target)?.[1];
  if (name !== undefined) return { kind: 'netns', name };
  if (CONTAINER.test(target)) return { kind: 'processes' };
  const selector = parseSelector(target);
  return 'error' in selector ? { error: target.includes(':') ? selector.error : `expected ${TARGET_HELP}` } : { kind: 'processes' };
}

/** A label may hold more than the letters of host names: `_sip._tcp` is one, and so is what is written in punycode. */
const NAME = /^(\*\.)?([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/;

/** The names of a list in lower case, without the dot at their end; or the first that is none. */
export function parseNames(text: string): readonly string[] | { readonly error: string } {
  const names = text.split(/[\s,]+/).map((name) => name.toLowerCase().replace(/(.)\.$/, '$1')).filter((name) => name !== '');
  const wrong = names.find((name) => name !== 'all' && (!NAME.test(name) || name.length > 253));
  return wrong === undefined ? names : { error: wrong };
}

const V4 = z.ipv4();
const V6 = z.ipv6();

export const dnsManifest = defineManifest({
  type: 'dns',
  layer: 'host',
  summary: 'Answers the questions that programs ask of their name servers wrongly, late or not at all.',
  params,
  target: {
    required: true,
    help: TARGET_HELP,
    example: 'host',
    check: (target) => {
      const read = parseTarget(target);
      return 'error' in read ? { message: read.error, hint: 'write for example host, cmd:worker.js or user:www-data' } : undefined;
    },
  },
  noop: ({ chance }) => chance === 0,
  severity: ({ action, names, chance }) => (action === 'delay' ? 0.4 : names === 'all' && chance >= 0.5 ? 0.8 : 0.5),
  remarks: () => [],
  explain: ({ action, names, chance, delay, ipv4, ipv6 }, target) => {
    const what = names === 'all' ? 'any name' : names;
    const often = chance === 1 ? '' : `, with a chance of ${Math.round(chance * 1_000) / 10} %,`;
    const netns = NETNS.exec(target)?.[1];
    const whom = target === 'host' || target === '' ? 'All programs of this machine' : netns === undefined ? `Processes that match ${target}` : `All programs of the network namespace ${netns}`;
    const effect = {
      nxdomain: 'are told that it does not exist',
      servfail: 'are told that the server failed',
      'wrong-address': `are given a wrong address (${[ipv4, ipv6].filter((address) => address !== '').join(', ')})`,
      delay: `are answered ${formatDuration(delay)} late`,
      drop: 'are not answered',
    }[action];
    return `${whom} that ask for ${what}${often} ${effect}.`;
  },
  platforms: ['linux'],
  privileges: ['root'],
  needsRoot: () => true,
  blastRadius: (_, target) => (target === 'host' || target === '' ? 3 : 2),
  verifyWithin: 15_000,
  check: (asked) => {
    const { action, names, except, ipv4, ipv6, delay } = asked;
    const findings = unread(params.shape, asked);
    const find = (field: string, message: string, hint: string): void => void findings.push({ field, message, hint });
    for (const [field, text] of Object.entries({ names, except })) {
      const parsed = parseNames(text);
      if ('error' in parsed) find(field, `"${parsed.error}" is no name: expected all, api.example.org or *.example.org`, 'write letters that are not ASCII as xn--');
      else if (field === 'names' && parsed.length === 0) find(field, 'expected at least one name', 'write all, or names parted by commas');
    }
    if (ipv4 !== '' && !V4.safeParse(ipv4).success) find('ipv4', `"${ipv4}" is no IPv4 address`, 'write for example 192.0.2.1');
    if (ipv6 !== '' && !V6.safeParse(ipv6).success) find('ipv6', `"${ipv6}" is no IPv6 address`, 'write for example 2001:db8::1');
    if (action === 'wrong-address' && ipv4 === '' && ipv6 === '') find('ipv4', 'expected an address', 'set ipv4, ipv6 or both');
    if (action === 'delay' && delay === 0) find('delay', 'expected how long an answer is late', 'set delay, such as 2s');
    return findings;
  },
});
