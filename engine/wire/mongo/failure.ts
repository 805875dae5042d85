import type { Verdict } from '../effects.ts';
import { codeNameOf, DEFAULT_CODE, labelsOf, type Retryable } from './codes.ts';
import type { Command } from './command.ts';
import { HEADER, OP, writeHeader } from './header.ts';
import { encode, type Fields } from './write.ts';

/** How a failure of a policy shows; the manifest of the fault documents each. */
export type Failure = 'command' | 'write' | 'write-concern' | 'remove-documents' | 'null-fields';

/** What a policy tells this protocol beyond what all protocols have (`WirePolicy.extra`). */
export interface Asked {
  readonly failure: Failure;
  readonly codeName: string;
  readonly retryable: Retryable;
  readonly labels: readonly string[];
  /** Share of the documents of a reply that are changed, above 0 up to 1. */
  readonly share: number;
  /** Paths of the fields to null; none = every field but _id. */
  readonly fields: readonly string[];
}
const USUAL: Asked = { failure: 'command', codeName: '', retryable: 'as-server', labels: [], share: 1, fields: [] };

/** What `extra` of a policy says; what it leaves out is as usual. */
export const askedBy = (extra: Readonly<Record<string, unknown>> | undefined): Asked => ({ ...USUAL, ...(extra as Partial<Asked>) });

/** Whether the failure changes the answer of the server instead of taking its place. */
export const changesAnswer = ({ failure }: Asked): boolean => failure !== 'command' && failure !== 'write';

type Fail = Extract<Verdict, { act: 'fail' }>;
type Place = Pick<Command, 'inTransaction' | 'numbered'>;

/** Commands whose errors can concern single documents, with what their answers count besides. */
const WRITES: Readonly<Record<string, Fields>> = { insert: { n: 0 }, update: { n: 0, nModified: 0 }, delete: { n: 0 } };

interface Told {
  readonly code: number;
  readonly codeName: string;
  readonly message: string;
  readonly labels: readonly string[];
}
function told({ refusal }: Fail, asked: Asked, place: Place): Told {
  const code = refusal.code === 0 ? DEFAULT_CODE : refusal.code;
  const codeName = asked.codeName === '' ? codeNameOf(code) : asked.codeName;
  return {
    code,
    codeName,
    message: refusal.body.length === 0 ? codeName : Buffer.from(refusal.body).toString('utf8'),
    labels: [...new Set([...labelsOf(code, asked.retryable, place), ...asked.labels])],
  };
}
const labelled = (labels: readonly string[]): Fields => (labels.length === 0 ? {} : { errorLabels: labels });

/** The reply that refuses the command of `requestId`, as an OP_MSG. */
export function refusalOf(verdict: Fail, asked: Asked, command: Command, requestId: number, ownId: number): Buffer {
  const { code, codeName, message, labels } = told(verdict, asked, command);
  const counts = asked.failure === 'write' ? WRITES[command.command] : undefined;
  // One error for the first document: of an ordered batch the server tries no more after it.
  const document: Fields =
    counts === undefined
      ? { ok: 0, errmsg: message, code, codeName, ...labelled(labels) }
      : { ...counts, writeErrors: [{ index: 0, code, errmsg: message }], ok: 1, ...labelled(labels) };
  const body = encode(document);
  const reply = Buffer.alloc(HEADER + 5 + body.length);
  reply.set(body, HEADER + 5);
  return writeHeader(reply, ownId, requestId, OP.msg);
}

/** What a write concern that was not met adds to the answer of a write (MongoDB Server, "Write Concern Errors"). */
export function writeConcernError(verdict: Fail, asked: Asked, place: Place): Uint8Array {
  const { code, codeName, message, labels } = told(verdict, asked, place);
  return encode({ writeConcernError: { code, codeName, errmsg: message }, ...labelled(labels) });
}
