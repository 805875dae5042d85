import { randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { makeDirectory } from '../kernel/directory.ts';
import { EXIT, FirebreakError, errnoOf, messageOf } from '../kernel/errors.ts';

/**
 * Where the room was last served, kept in the state directory so that an open page finds a restarted engine and a
 * bookmark goes on working. It holds the secret that lets its reader inject faults: only the owner may read it.
 */
const roomAddress = z.strictObject({
  port: z.int().min(1).max(65_535),
  token: z.string().regex(/^[\w-]{43}$/),
  /** The process that serves or served it. */
  pid: z.int().positive(),
});
export type RoomAddress = z.infer<typeof roomAddress>;

const fileIn = (stateDir: string): string => join(stateDir, 'room.json');

/**
 * Reads the address; undefined when there is none. Throws FirebreakError `unsafe-address` when somebody else could have
 * read or written it, `bad-address` when it is damaged or cannot be read.
 */
export function readRoomAddress(stateDir: string): RoomAddress | undefined {
  const file = fileIn(stateDir);
  let handle: number;
  try {
    // A link could lead to a file that somebody else controls. Windows has no such flag, and no modes below.
    handle = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    if (errnoOf(error) === 'ELOOP') throw unsafe(file, 'is a symbolic link', 'Delete it');
    throw bad(file, messageOf(error));
  }
  try {
    const stat = fstatSync(handle);
    if (!stat.isFile()) throw unsafe(file, 'is not a file', 'Delete it');
    const self = process.getuid?.();
    if (self !== undefined && stat.uid !== self) throw unsafe(file, `belongs to user ${stat.uid}, not to you`, 'Delete it');
    const mode = (stat.mode & 0o777).toString(8).padStart(3, '0');
    if (self !== undefined && (stat.mode & 0o077) !== 0) {
      throw unsafe(file, `can be reached by other users (mode ${mode})`, `Run \`chmod 600 ${file}\` if nobody else uses this machine`);
    }
    return parse(file, readFileSync(handle, 'utf8'));
  } finally {
    closeSync(handle);
  }
}

/** Keeps the address, whatever was there before. The file is whole or the old one. Throws FirebreakError `address-unwritable`. */
export function writeRoomAddress(stateDir: string, address: RoomAddress): void {
  const file = fileIn(stateDir);
  const draft = `${file}.${randomUUID()}`;
  try {
    makeDirectory(stateDir, 0o700);
    const handle = openSync(draft, 'wx', 0o600);
    try {
      writeFileSync(handle, `${JSON.stringify(address)}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new FirebreakError('address-unwritable', `cannot keep the room’s address in ${file}: ${messageOf(error)}`, {
      hint: 'Check that the state directory is writable and its disk is not full.',
      cause: error,
    });
  }
}

function parse(file: string, text: string): RoomAddress {
  try {
    return roomAddress.parse(JSON.parse(text));
  } catch (error) {
    // Neither the text nor what zod found in it is shown: it may hold the token.
    throw bad(file, error instanceof SyntaxError ? 'it is not JSON' : 'it does not hold a port, a token and a process');
  }
}
const NEW = 'or start with --new-token, which replaces it and makes the old address worthless.';
const unsafe = (file: string, what: string, remedy: string): FirebreakError =>
  new FirebreakError('unsafe-address', `${file} holds the secret of the room and ${what}.`, { hint: `${remedy}, ${NEW}`, exitCode: EXIT.usage });
const bad = (file: string, why: string): FirebreakError =>
  new FirebreakError('bad-address', `cannot use ${file}: ${why}.`, { hint: `Delete it, ${NEW}`, exitCode: EXIT.usage });
