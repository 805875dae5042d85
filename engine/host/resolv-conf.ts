import { closeSync, constants, existsSync, fstatSync, fsyncSync, ftruncateSync, futimesSync, openSync, readSync, writeSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { FirebreakError, messageOf } from '../kernel/errors.ts';

/** resolv.conf(5): which servers programs ask, and how that is changed for a while where no rules can do it. */

/** How many servers a program asks at most; MAXNS of resolv.h. */
const MOST_SERVERS = 3;

/**
 * The servers that programs ask. An address with a zone (fe80::1%eth0) is left out: no rule can say it.
 */
export function nameServers(text: string): readonly string[] {
  const all = text.split('\n').flatMap((line) => /^nameserver[ \t]+(\S+)/.exec(line)?.[1] ?? []);
  // Without a word about it, the machine itself is asked.
  return all.length === 0 ? ['127.0.0.1'] : [...new Set(all.slice(0, MOST_SERVERS).filter((address) => isIP(address) !== 0 && !address.includes('%')))];
}

/** The text of a file of settings; '' when there is none. @throws FirebreakError `no-resolv-conf` when it is no plain file. */
export const textOf = (path: string): string => (existsSync(path) ? withFile(path, constants.O_RDONLY, (file) => contentOf(file, LONGEST).toString('utf8')) : '');

/** A file as it was. It is written in place, so that its owner and mode do not change. */
export const priorConf = z.object({ path: z.string().startsWith('/'), bytes: z.base64(), modified: z.number() });
export type PriorConf = z.infer<typeof priorConf>;

const markOf = (token: string): string => `# firebreak-${token}`;
/** A text longer than this is no list of servers, in bytes. */
const LONGEST = 65_536;

/** @throws FirebreakError `no-resolv-conf` when there is none, or it is no plain file, or too long to be put back. */
export function readConf(path: string): PriorConf {
  try {
    return withFile(path, constants.O_RDONLY, (file) => {
      const { mtimeMs, size } = fstatSync(file);
      return { path, bytes: contentOf(file, size).toString('base64'), modified: mtimeMs };
    });
  } catch (error) {
    throw new FirebreakError('no-resolv-conf', `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Names one server in place of those that are named; all else that the file says stays. One write, no longer than the file
 * is afterwards, so that a program that reads it meanwhile sees either.
 */
export function writeConf(prior: PriorConf, token: string, server: string): void {
  const text = Buffer.from(prior.bytes, 'base64').toString('utf8');
  const rest = text.split('\n').filter((line) => !/^nameserver[ \t]/.test(line) && line !== '');
  const lines = [`${markOf(token)}: until the experiment ends, or: firebreak recover`, `nameserver ${server}`, ...rest, ''].join('\n');
  // What is shorter than before would leave the end of it standing for a moment.
  const missing = Buffer.byteLength(text) - Buffer.byteLength(lines);
  put(prior, Buffer.from(missing > 0 ? `${lines}${'#'.repeat(Math.max(0, missing - 1))}\n` : lines), null);
}

/** What the file is now: as it was, this fault's, or something else's. Only its words count: at each boot many are made anew. */
export function stateOfConf(prior: PriorConf, token: string): 'as it was' | "Firebreak's" | 'changed by something else' {
  const { bytes } = readConf(prior.path);
  if (bytes === prior.bytes) return 'as it was';
  const [now, before] = [bytes, prior.bytes].map((text) => Buffer.from(text, 'base64').toString('latin1')) as [string, string];
  // The second is what `put` leaves for a moment.
  return now.startsWith(markOf(token)) || (now.startsWith(before) && /^\n+$/.test(now.slice(before.length))) ? "Firebreak's" : 'changed by something else';
}

/** Puts back what the file said. Idempotent. @throws FirebreakError `changed-meanwhile` when something else wrote it; it is then left alone. */
export function restoreConf(prior: PriorConf, token: string): void {
  const state = stateOfConf(prior, token);
  if (state === "Firebreak's") return put(prior, Buffer.from(prior.bytes, 'base64'), prior.modified);
  if (state === 'as it was') return;
  throw new FirebreakError('changed-meanwhile', `${prior.path} was written by something else during the fault, and is left as it is`, {
    hint: 'what writes it (a DHCP client, NetworkManager, resolvconf) has given it its own servers again',
  });
}

function put({ path }: PriorConf, bytes: Buffer, modified: number | null): void {
  withFile(path, constants.O_WRONLY, (file) => {
    // Over the end of what is longer empty lines are written, so that it says the same before it is cut off.
    const whole = Buffer.concat([bytes, Buffer.alloc(Math.max(0, fstatSync(file).size - bytes.length), '\n')]);
    writeSync(file, whole, 0, whole.length, 0);
    ftruncateSync(file, bytes.length);
    if (modified !== null) futimesSync(file, modified / 1_000, modified / 1_000);
    // A power cut must find the one or the other, and not bring back what was taken back.
    fsyncSync(file);
  });
}

function contentOf(file: number, size: number): Buffer {
  if (size > LONGEST) throw new FirebreakError('no-resolv-conf', `it is too long (${size} bytes)`);
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0));
}

function withFile<T>(path: string, flags: number, act: (file: number) => T): T {
  const file = openSync(path, flags | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new FirebreakError('no-resolv-conf', `${path} is no plain file`);
    return act(file);
  } finally {
    closeSync(file);
  }
}
