import { keyedRandom } from '../../kernel/random.ts';
import { A, AAAA, forge, isLocalName, matchesDomain, questionOf } from '../dns-message.ts';
import { type DnsCounts, type DnsStrike } from '../dns-order.ts';

/** What becomes of one question. */
export type Verdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'answer'; readonly message: Buffer }
  | { readonly kind: 'delay'; readonly ms: number; readonly done: () => void }
  | { readonly kind: 'drop' };

/** One look-up asks for several kinds of address at once and asks again: all of it is decided together. */
interface Lookup {
  readonly struck: boolean;
  readonly at: number;
  /** The id of the question of each kind. */
  readonly asked: Map<number, number>;
}

/** Applications that ask again do so within this time; resolv.conf(5) waits five seconds for an answer. Milliseconds. */
const ONE_LOOKUP = 6_000;
const PASS: Verdict = { kind: 'pass' };

/** Decides over questions by one policy, and counts. */
export class DnsJudge {
  readonly counts: { -readonly [Name in keyof DnsCounts]: number } = { seen: 0, matched: 0, struck: 0, waited: 0, released: 0, unanswered: 0 };
  readonly #strike: DnsStrike;
  readonly #lookups = new Map<string, Lookup>();
  #thrown = 0;
  #over = false;

  constructor(strike: DnsStrike) {
    this.#strike = strike;
  }

  /** From now on everything passes. */
  cease(): void {
    this.#over = true;
  }

  /** @param who the socket that asks. */
  judge(query: Buffer, who: string): Verdict {
    this.counts.seen++;
    const question = this.#over ? undefined : questionOf(query);
    const { names, spared, action, delay, ipv4, ipv6 } = this.#strike;
    if (question === undefined || isLocalName(question.name) || matchesDomain(spared, question.name) || !matchesDomain(names, question.name)) return PASS;
    const bytes = question.type === A ? ipv4 : question.type === AAAA ? ipv6 : [];
    if (action === 'wrong-address' && bytes.length === 0) return PASS;
    this.counts.matched++;
    if (!this.#struck(`${who} ${question.name}`, question.type, question.id)) return PASS;
    this.counts.struck++;
    switch (action) {
      case 'drop':
        return { kind: 'drop' };
      case 'delay': {
        const from = performance.now();
        return {
          kind: 'delay', ms: delay,
          done: () => {
            this.counts.released++;
            this.counts.waited += performance.now() - from;
          },
        };
      }
      case 'wrong-address':
        return { kind: 'answer', message: forge(query, question, { kind: 'address', bytes: Uint8Array.from(bytes) }) };
      default:
        return { kind: 'answer', message: forge(query, question, { kind: action }) };
    }
  }

  #struck(key: string, type: number, id: number): boolean {
    const now = performance.now();
    const known = this.#lookups.get(key);
    if (known !== undefined && now - known.at < ONE_LOOKUP && (known.asked.get(type) ?? id) === id) {
      known.asked.set(type, id);
      return known.struck;
    }
    for (const [old, { at }] of this.#lookups) {
      if (now - at < ONE_LOOKUP) break;
      this.#lookups.delete(old);
    }
    const { seed, key: policy, chance } = this.#strike;
    const struck = keyedRandom(seed, policy, this.#thrown++) < chance;
    this.#lookups.delete(key);
    this.#lookups.set(key, { struck, at: now, asked: new Map([[type, id]]) });
    return struck;
  }
}
