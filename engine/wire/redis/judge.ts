import { both, type Verdict } from '../effects.ts';
import type { OpenRoute } from '../open-route.ts';
import type { Subject } from '../subject.ts';
import type { CommandScanner } from './command-scanner.ts';
import { canMiss, nameOf, ROLE } from './commands.ts';
import type { Expectations } from './expectations.ts';
import { mayMiss } from './misses.ts';

/** Policies that answer reads with nothing: they only see reads of which a miss can be made. */
export const READ_SCOPE = 'read';
/** Policies that name a command which sets the connection up: no other sees these. */
export const SETUP_SCOPE = 'setup';

/** The part of a key that can be compared with a target, in bytes; a longer key matches by what it begins with. */
const KEY_LIMIT = 1_024;
const COLON = 0x3a;

/** The part of a command's name that is compared. */
const NAME_LIMIT = 64;
/** The longest name: `GET:cart:42`, with one key. */
const LONGEST = NAME_LIMIT + 1 + KEY_LIMIT;

/** What targets are compared with, one name for each key. One for all connections of a thread, because judging does not wait. */
let names = Buffer.alloc(4 * LONGEST);
/** Where each of them ends. */
let ends = new Int32Array(4);

/** Asks the policies about single commands. */
export class CommandJudge {
  readonly #route: OpenRoute;
  readonly #command: CommandScanner;
  readonly #state: Expectations;
  #reads = false;
  #setup = false;

  constructor(route: OpenRoute, command: CommandScanner, state: Expectations) {
    this.#route = route;
    this.#command = command;
    this.#state = state;
  }
  /** Before a row of commands: policies cannot change within one. */
  prepare(): void {
    const { effects, protocol, name } = this.#route;
    this.#reads = effects.gateScope(protocol, name, READ_SCOPE);
    this.#setup = effects.gateScope(protocol, name, SETUP_SCOPE);
  }

  /** What is to be done to the command that the scanner read last, in `bytes`. */
  judge(bytes: Buffer, subject: Subject): Verdict | undefined {
    const { role, command, args } = this.#command;
    const { effects, protocol, name: route } = this.#route;
    switch (role) {
      case ROLE.cleanup:
      case ROLE.discard:
      case ROLE.unsubscribe:
      case ROLE.reset:
      case ROLE.replica:
        return undefined;
      case ROLE.setup:
      case ROLE.hello:
      case ROLE.select:
      case ROLE.client:
        this.#write(bytes);
        return this.#setup ? effects.judgeNames(protocol, route, names, ends, 1, subject, SETUP_SCOPE) : undefined;
    }
    const count = this.#write(bytes);
    const verdict = effects.judgeNames(protocol, route, names, ends, count, subject);
    // Within MULTI a read is answered with QUEUED, so there is nothing to miss.
    if (!this.#reads || !canMiss(command) || this.#state.inMulti || !mayMiss(nameOf(command), args)) return verdict;
    return both(verdict, effects.judgeNames(protocol, route, names, ends, count, subject, READ_SCOPE));
  }

  /** Writes the name and, behind a colon, the key; once for each key. Returns how many names there are. */
  #write(bytes: Buffer): number {
    const { keyStart, keyEnd, further } = this.#command;
    if (further.count >= ends.length) ends = new Int32Array(further.count * 2);
    let to = this.#writeName(bytes, 0, keyStart, keyEnd);
    ends[0] = to;
    for (let i = 0; i < further.count; i++) ends[i + 1] = to = this.#writeName(bytes, to, further.start(i), further.end(i));
    return further.count + 1;
  }
  #writeName(bytes: Buffer, begin: number, keyStart: number, keyEnd: number): number {
    const { nameStart, nameEnd } = this.#command;
    if (begin + LONGEST > names.length) names = Buffer.concat([names, Buffer.alloc(names.length + LONGEST)]);
    let to = begin;
    const nameStop = Math.min(nameEnd, nameStart + NAME_LIMIT);
    for (let at = nameStart; at < nameStop; at++) names[to++] = bytes[at] as number;
    if (keyEnd === keyStart) return to;
    names[to++] = COLON;
    const stop = Math.min(keyEnd, keyStart + KEY_LIMIT);
    for (let at = keyStart; at < stop; at++) names[to++] = bytes[at] as number;
    return to;
  }
}
