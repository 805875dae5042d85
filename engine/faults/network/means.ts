import { type NetCapabilities } from '../../host/net-capabilities.ts';
import { type Lane, type Netem } from './blueprint.ts';
import { type NetworkParams } from './manifest.ts';
import { parseRate } from './selection.ts';

/** By what a machine does what is asked in one lane; or why it cannot. */
export type Means = { readonly refusal: string } | (Pick<Lane, 'queue' | 'rules' | 'reader' | 'copies'> & { readonly inWords: string });

/** Packets as long as most links carry them. */
const FULL_PACKET = 1_500;
/** What waits in a queue at the most: 50,000 packets are 75 MB. */
const MOST_WAITING = 50_000;
/** A link that is full delays by half a second before it drops, as a bad router would. */
const BUFFER_S = 0.5;

export const netemOf = (asked: NetworkParams): Netem => ({
  latency: asked.latency, jitter: asked.jitter, correlation: asked.correlation,
  loss: asked.loss, duplication: asked.duplication, corruption: asked.corruption, reordering: asked.reordering,
});
/** What no rule can do by itself: somebody must hold the packets. */
const needsHolding = (asked: NetworkParams): boolean =>
  asked.latency > 0 || asked.jitter > 0 || asked.corruption > 0 || asked.reordering > 0 || (asked.loss > 0 && asked.correlation > 0);

/**
 * The best that these capabilities offer: netem and htb where they are, rules of nft for the rest, and a program that these leave packets to.
 * @param loopback what leaves there arrives there.
 */
export function meansFor(asked: NetworkParams, hook: 'egress' | 'ingress', can: NetCapabilities, loopback = false): Means {
  const rate = parseRate(asked.rate) ?? null;
  if (asked.partition !== 'off') return cut(asked.partition, can);
  const queueing = can.shaping || (hook === 'ingress' ? can.redirect : '');
  const netem = can.netem === '' && queueing === '';
  const byReader = needsHolding(asked) && !netem;
  const lacking = can.netem || queueing;
  const byCopies = asked.duplication > 0 && !netem;
  if (byCopies && (hook === 'ingress' || can.duplicates !== '')) {
    return { refusal: `${lacking}; ${hook === 'ingress' ? 'what arrives is sent twice by nothing else' : can.duplicates}` };
  }
  if (byReader && can.reader !== '') return { refusal: `${lacking}; ${can.reader}; a route of the wire delays and damages without either` };
  // Losses that resemble each other are for who sees each packet.
  const likeLosses = byReader && asked.loss > 0 && asked.correlation > 0;
  const byRules = asked.loss > 0 && !netem && !likeLosses;
  const police = rate !== null && queueing !== '';
  if ((byRules || police || byReader) && can.rules !== '') return { refusal: can.rules };
  const inQueue = netem && (needsHolding(asked) || asked.loss > 0 || asked.duplication > 0) ? netemOf(asked) : null;
  const shaped = police ? null : rate;
  return {
    queue: inQueue === null && shaped === null ? null : { netem: inQueue, rate: shaped, limit: limitOf(asked, shaped) },
    rules: byRules || police || byReader ? { loss: byRules ? asked.loss : 0, cut: null, police: police ? rate : null } : null,
    copies: byCopies ? { share: asked.duplication, chance: chanceOf(asked.duplication) } : asked.duplication > 0 && can.rules === '' && can.egressHook === '' ? { share: asked.duplication, chance: 0 } : null,
    reader: byReader ? { netem: { ...netemOf(asked), loss: likeLosses ? asked.loss : 0 }, limit: MOST_WAITING, at: loopback || hook === 'ingress' ? 'prerouting' : 'postrouting' } : null,
    inWords: [
      inQueue !== null && 'a netem queue',
      shaped !== null && 'an htb class',
      byRules && `an nft rule (${can.netem})`,
      byCopies && `an nft rule that sends copies (${lacking})`,
      byReader && `a program that holds up to ${MOST_WAITING.toLocaleString('en')} packets (${lacking})`,
      police && `an nft limit that drops what is too much (${queueing})`,
    ].filter((part) => part !== false).join(' and '),
  };
}

function cut(how: 'drop' | 'reject', can: NetCapabilities): Means {
  if (can.rules === '') return { queue: null, rules: { loss: 0, cut: how, police: null }, reader: null, copies: null, inWords: 'an nft rule' };
  if (how === 'reject' || can.netem !== '' || can.shaping !== '') return { refusal: can.rules };
  const all = { latency: 0, jitter: 0, correlation: 0, loss: 1, duplication: 0, corruption: 0, reordering: 0 };
  return { queue: { netem: all, rate: null, limit: 1_000 }, rules: null, reader: null, copies: null, inWords: `a netem queue (${can.rules})` };
}

/**
 * A copy comes by the same rule and may be copied again, up to a depth of three (NF_RECURSION_LIMIT in net/netfilter/nf_dup_netdev.c):
 * the chance q of one rule for a share s of copies is where q + q² + q³ = s.
 */
function chanceOf(share: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 40; step++) {
    const q = (low + high) / 2;
    if (q + q ** 2 + q ** 3 < share) low = q;
    else high = q;
  }
  return high;
}

function limitOf(asked: NetworkParams, rate: number | null): number {
  if (rate === null) return MOST_WAITING;
  const seconds = BUFFER_S + (asked.latency + asked.jitter) / 1_000;
  return Math.min(MOST_WAITING, Math.max(20, Math.ceil((rate / 8 / FULL_PACKET) * seconds)));
}
