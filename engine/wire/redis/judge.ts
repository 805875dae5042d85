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

/** `GET:cart:42`: what targets are compared with. One for all connections of a thread, because judging does not wait. */
const name = Buffer.alloc(64 + 1 + KEY_LIMIT);

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
    const { effects, protocol } = this.#route;
    this.#reads = effects.gateScope(protocol, READ_SCOPE);
    this.#setup = effects.gateScope(protocol, SETUP_SCOPE);
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
        return this.#setup ? effects.judge(protocol, route, name, 0, this.#write(bytes), subject, SETUP_SCOPE) : undefined;
    }
    const end = this.#write(bytes);
    const verdict = effects.judge(protocol, route, name, 0, end, subject);
    // Within MULTI a read is answered with QUEUED, so there is nothing to miss.
    if (!this.#reads || !canMiss(command) || this.#state.inMulti || !mayMiss(nameOf(command), args)) return verdict;
    return both(verdict, effects.judge(protocol, route, name, 0, end, subject, READ_SCOPE));
  }

  /** Writes the name and, behind a colon, the key. Returns where it ends. */
  #write(bytes: Buffer): number {
    const { nameStart, nameEnd, keyStart, keyEnd } = this.#command;
    let to = 0;
    for (let at = nameStart; at < nameEnd && to < 64; at++) name[to++] = bytes[at] as number;
    if (keyEnd === keyStart) return to;
    name[to++] = COLON;
    const stop = Math.min(keyEnd, keyStart + KEY_LIMIT);
    for (let at = keyStart; at < stop; at++) name[to++] = bytes[at] as number;
    return to;
  }
}
