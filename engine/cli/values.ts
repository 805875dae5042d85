import { readFile, stat } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../kernel/durations.ts';
import { EXIT, FirebreakError, errnoOf, messageOf } from '../kernel/errors.ts';
import { MAX_FILE_CHARS } from '../contract/api.ts';

/** Readers of option values and arguments; what they refuse becomes one line and exit code 2. */

/** `10m` -> 600000. */
export function duration(text: string): number {
  const value = parseDuration(text);
  if (value === undefined || value <= 0) throw new InvalidArgumentError('Expected a duration such as 500ms, 20s or 10m.');
  return value;
}
/** As `duration`, and 0 is an answer too. */
export function durationOrNone(text: string): number {
  return parseDuration(text) === 0 ? 0 : duration(text);
}

export const whole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
export const seed = whole(0, 0xffff_ffff);

/** `host:port`, `[ipv6]:port` or `:port`. */
export function listenAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new InvalidArgumentError('Expected host:port, such as 127.0.0.1:8474 or :8474.');
  return { host: match[1] ?? match[2] ?? '', port };
}

/** A Firebreak file as the contract takes it. `-` reads standard input. Throws FirebreakError `unreadable-file`. */
export async function readSource(file: string): Promise<{ text: string; file: string }> {
  try {
    if (file === '-') return { text: await readAll(process.stdin), file: '<stdin>' };
    const facts = await stat(file);
    if (facts.isDirectory()) throw unreadable(file, 'it is a directory', 'Name the file inside it.');
    if (facts.size > MAX_FILE_CHARS) throw unreadable(file, 'it is larger than 5 MiB', 'Split it into several files.');
    return { text: await readFile(file, 'utf8'), file };
  } catch (error) {
    if (error instanceof FirebreakError) throw error;
    if (errnoOf(error) === 'ENOENT') throw unreadable(file, 'there is no such file', `Check the path; it is taken from ${process.cwd()}.`);
    throw unreadable(file, messageOf(error), 'Check that you may read it.', error);
  }
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > MAX_FILE_CHARS) throw unreadable('<stdin>', 'it is larger than 5 MiB', 'Split it into several files.');
  }
  return text;
}
function unreadable(file: string, why: string, hint: string, cause?: unknown): FirebreakError {
  return new FirebreakError('unreadable-file', `cannot read ${file}: ${why}`, { hint, exitCode: EXIT.usage, cause });
}
