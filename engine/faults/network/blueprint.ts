import { z } from 'zod';
import { cell } from './packets.ts';
import { INTERFACE } from './selection.ts';

/**
 * All that a network fault does to one interface, and the undo record of it. Everything that it makes has a name from
 * here: table and ifb by the token, class, queue and filters by the mark. Made by `plan`, complete before anything is done.
 */

/** The root queue of Firebreak on an interface; each fault has a class of its own in it. */
export const ROOT = 'fb00:';
/** Marks leave out 0xfb00, the root's own, and what the kernel (ffff:) and tc (8000: and up) give by themselves. */
export const MARKS = { first: 0x1000, last: 0x7ffe } as const;

const netem = z.object({
  /** Milliseconds. */
  latency: z.number().nonnegative(),
  jitter: z.number().nonnegative(),
  correlation: z.number().min(0).max(1),
  loss: z.number().min(0).max(1),
  duplication: z.number().min(0).max(1),
  corruption: z.number().min(0).max(1),
  reordering: z.number().min(0).max(1),
});
export type Netem = z.infer<typeof netem>;

const lane = z.object({
  /** Where packets are taken: as they leave the interface, or as they arrive. */
  hook: z.enum(['egress', 'ingress']),
  cells: z.array(cell).min(1),
  /** Of these cells, what passes unharmed all the same. */
  spared: z.array(cell),
  /** Done in a queue by tc: `rate` in bits a second, `limit` in packets; null: the lane has no queue. */
  queue: z.object({ netem: netem.nullable(), rate: z.number().positive().nullable(), limit: z.int().positive() }).nullable(),
  /** Done by rules of nft: `police` in bits a second, beyond which packets are dropped; null: the lane has no rules. */
  rules: z.object({ loss: z.number().min(0).max(1), cut: z.enum(['drop', 'reject']).nullable(), police: z.number().positive().nullable() }).nullable(),
  /**
   * Packets are counted as they come to the queue, so that the copies that netem makes can be told from them; or, where `chance`
   * is not 0, copied by a rule that takes it again. `share` is what is asked for; null: neither.
   */
  copies: z.object({ share: z.number().min(0).max(1), chance: z.number().min(0).max(1) }).nullable().default(null),
  /**
   * What these rules leave over goes to a program of Firebreak's, where at most `limit` packets wait; null: it passes. `at` is
   * where: a packet that leaves counts for its socket for as long as it waits, so what can be taken on arrival is.
   */
  reader: z.object({ netem, limit: z.int().positive(), at: z.enum(['prerouting', 'postrouting']) }).nullable().default(null),
});
export type Lane = z.infer<typeof lane>;

export const blueprint = z.object({
  token: z.string().regex(/^[0-9a-f]{18}$/),
  mark: z.int().min(MARKS.first).max(MARKS.last).multipleOf(2),
  /** The namespace: the way in is '' for the one of the engine. */
  namespace: z.object({ path: z.string(), inode: z.int() }),
  /** The process by which the namespace was found, so that one that took its number is noticed. */
  process: z.object({ pid: z.int(), started: z.string() }).nullable(),
  /** The address tells it from one that has its number in a namespace that has the number of its own; it may be changed later. */
  device: z.object({ name: z.string().regex(INTERFACE), index: z.int(), address: z.string().optional() }),
  /** How its queueing was before, in the words of tc, without what is Firebreak's or comes by itself. */
  prior: z.array(z.string()),
  lanes: z.array(lane).min(1).max(2),
  /** Rules of the kind that has hooks for all lanes. */
  family: z.enum(['netdev', 'inet']),
  /** Where a connection is opened to measure the delay; null: nowhere. */
  probe: z.object({ host: z.string(), port: z.int() }).nullable(),
});
export type Blueprint = z.infer<typeof blueprint>;

/** Whether any of it is done by rules. */
export const hasRules = ({ lanes }: Pick<Blueprint, 'lanes'>): boolean => lanes.some(({ rules, copies }) => rules !== null || copies !== null);
/** Or by netem, and only counted by rules. */
export const copiesByRule = ({ copies }: Pick<Lane, 'copies'>): boolean => copies !== null && copies.chance > 0;
export const tableOf = ({ token }: Pick<Blueprint, 'token'>): string => `firebreak_${token}`;
/** Interfaces have at most 15 characters. */
export const ifbOf = ({ token }: Pick<Blueprint, 'token'>): string => `fb-${token.slice(0, 12)}`;
export const hex = (mark: number): string => mark.toString(16);
/** A block of filters is seen by every interface with its number, so each interface has one of its own. */
export const blockOf = ({ device }: Pick<Blueprint, 'device'>): number => 0xfb00_0000 + (device.index & 0xff_ffff);
/** One priority a family, as the kernel wants it. */
export const prefsOf = ({ mark }: Pick<Blueprint, 'mark'>): readonly [four: number, six: number] => [mark, mark + 1];
