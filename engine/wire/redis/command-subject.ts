import type { Condition, Described, Facts, Subject } from '../subject.ts';
import type { CommandScanner } from './command-scanner.ts';
import type { Expectations } from './expectations.ts';

/** The longest key that is shown, in bytes. */
const SHOWN = 128;

/** The command that a scanner read last. One object for all commands of a connection; values are never shown. */
export class CommandSubject implements Subject {
  readonly #command: CommandScanner;
  readonly #state: Expectations;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(command: CommandScanner, state: Expectations) {
    this.#command = command;
    this.#state = state;
  }
  /** The head lies in `bytes`, where the scanner's offsets say. */
  at(bytes: Buffer): this {
    this.#bytes = bytes;
    return this;
  }
  /** Commands carry no metadata. */
  carries(wanted: readonly Condition[]): boolean {
    return wanted.length === 0;
  }
  facts(): Facts {
    const { args, keyStart, keyEnd } = this.#command;
    const { db, version, inMulti } = this.#state;
    return {
      redis: {
        command: this.#name(),
        key: this.#bytes.toString('utf8', keyStart, keyEnd),
        keys: this.#keys(),
        args: BigInt(args),
        db: BigInt(db),
        resp: BigInt(version),
        transaction: inMulti,
      },
    };
  }
  #keys(): string[] {
    const { keyStart, keyEnd, further } = this.#command;
    const keys = keyEnd > keyStart ? [this.#bytes.toString('utf8', keyStart, keyEnd)] : [];
    for (let i = 0; i < further.count; i++) keys.push(this.#bytes.toString('utf8', further.start(i), further.end(i)));
    return keys;
  }
  describe(): Described {
    const { args, keyStart } = this.#command;
    const keyEnd = this.#showsKey() ? this.#command.keyEnd : keyStart;
    const cut = keyEnd - keyStart > SHOWN;
    const key = printable(this.#bytes.toString('utf8', keyStart, cut ? keyStart + SHOWN : keyEnd)) + (cut ? '…' : '');
    const method = this.#name();
    const others = args - (keyEnd > keyStart ? 1 : 0);
    const words = [method, ...(key === '' ? [] : [key])];
    if (others > 0) words.push(`(${others} more ${others === 1 ? 'argument' : 'arguments'}, not shown)`);
    return { method, target: key, traceId: '', requestId: '', head: words.join(' ') };
  }
  /** A command that nobody knows may be AUTH under another name; those of modules are told by their dot. */
  #showsKey(): boolean {
    return this.#command.command > 0 || this.#name().includes('.');
  }
  /** In capitals; a text that is no name at all is not shown, since it may be anything. */
  #name(): string {
    const { nameStart, nameEnd } = this.#command;
    const name = this.#bytes.toString('latin1', nameStart, Math.min(nameEnd, nameStart + SHOWN)).toUpperCase();
    return /^[A-Z][A-Z0-9._|-]*$/.test(name) ? name : '?';
  }
}

/** Control characters would otherwise reach terminals. */
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·');
