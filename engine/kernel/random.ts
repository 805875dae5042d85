import { randomBytes } from 'node:crypto';
import type { FaultId, RunId } from './brands.ts';

/**
 * One decision of a keyed sequence: 32 random bits, as a signed integer, that depend on nothing but the arguments, so
 * the same seed gives the same faults on one thread or four. The mixer is the finaliser of MurmurHash3 (32 bit,
 * Appleby 2011), applied to each word in turn. Allocates nothing: an integer is never boxed.
 */
export function keyedBits(seed: number, key: number, index: number, salt = 0): number {
  let h = mix(seed ^ 0x9e3779b9);
  h = mix(h ^ key);
  h = mix(h ^ index);
  return mix(h ^ salt);
}

/** The same decision as a uniform number in [0, 1). May allocate (a boxed number): not for the hot path. */
export function keyedRandom(seed: number, key: number, index: number, salt = 0): number {
  return (keyedBits(seed, key, index, salt) >>> 0) / 0x1_0000_0000;
}

function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** A seeded stream of uniform numbers in [0, 1), for choices that are made one after the other. */
export function seededStream(seed: number, key = 0): () => number {
  let index = 0;
  return () => keyedRandom(seed, key, index++, 0x5eed);
}

/** A seed for a run that was given none: 31 random bits, so that it can be written and typed. */
export function freshSeed(): number {
  return randomBytes(4).readUInt32LE() >>> 1;
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
function token(): string {
  return Array.from(randomBytes(12), (byte) => ALPHABET[byte & 31]).join('');
}
/** A new run id; 60 random bits. */
export const newRunId = (): RunId => `r-${token()}` as RunId;
/** A new fault id; 60 random bits. */
export const newFaultId = (): FaultId => `f-${token()}` as FaultId;
