import { contextOf, senderOf, sentBy, type TravellingContext } from '../baggage.ts';
import type { Described, Facts, Shown, Subject } from '../subject.ts';
import type { Command } from './command.ts';
import { Elements, TYPE } from './elements.ts';
import { shapeOf } from './shape.ts';

/** Most characters of a name that are shown. */
const LONGEST_NAME = 256;

/** The command that was read last, for judging and telling. The protocol has no headers: `match_headers` must be empty. */
export class CommandSubject implements Subject {
  readonly #command: Command;
  constructor(command: Command) {
    this.#command = command;
  }
  /** Whoever ends a transaction must learn how it went. */
  get sheltered(): boolean {
    return this.#command.endsTransaction;
  }
  carries(): boolean {
    return false;
  }
  facts(): Facts {
    const { command, database, collection, inTransaction } = this.#command;
    return { mongo: { command, database, collection, transaction: inTransaction }, ...commentOf(this.#command) };
  }
  describe(): Described {
    const { command, database, collection, bytes, start, end, secret } = this.#command;
    const target = [database, collection].filter((name) => name !== '').join('.');
    return {
      method: command.slice(0, LONGEST_NAME),
      target: target.slice(0, LONGEST_NAME),
      ...senderOf(commentOf(this.#command)),
      requestId: '',
      head: secret ? command : shapeOf(bytes, start, end),
    };
  }
  /** The same, for later, when the bytes of the command may be gone. */
  kept(): Shown {
    const described = this.describe();
    return { describe: () => described };
  }
}

/**
 * The context of a trace that an application wrote into the comment of its command: as a document
 * (`{ traceparent: "00-…", baggage: "…" }`), as the pairs of sqlcommenter (`traceparent='00-…'`), or as the bare text of
 * a traceparent.
 */
function commentOf({ bytes, commentType, commentStart, commentEnd }: Command): TravellingContext {
  if (commentType === TYPE.document) {
    return contextOf((name) => {
      const elements = new Elements().open(bytes, commentStart, commentEnd);
      return elements.find(name) && elements.type === TYPE.string ? elements.text : undefined;
    });
  }
  if (commentType !== TYPE.string) return contextOf(() => undefined);
  const text = bytes.toString('utf8', commentStart + 4, commentEnd - 1);
  if (sentBy(text).traceId !== '') return contextOf((name) => (name === 'traceparent' ? text : undefined));
  return contextOf((name) => decoded(new RegExp(`(?:^|[,\\s*])${name}='([^']*)'`).exec(text)?.[1]));
}

/** Values of sqlcommenter are percent-encoded; those of baggage are so themselves, once more. */
function decoded(value: string | undefined): string | undefined {
  try {
    return value === undefined ? undefined : decodeURIComponent(value);
  } catch {
    return value;
  }
}
