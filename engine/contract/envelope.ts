import { z } from 'zod';
import { EXIT, type ExitCode, FirebreakError, type Issue, messageOf } from '../kernel/errors.ts';
import { issue } from './models.ts';

/** What crosses a Port: one JSON text a message, the same over every transport. */

/**
 * A way to the other end and nothing more, so that a transport is a page of code. `send` never blocks and does nothing
 * once closed; messages arrive in order; each of the two listeners is set once, and what came before it was set is kept.
 */
export interface Port {
  send(text: string): void;
  onMessage(listener: (text: string) => void): void;
  /** Called once, with the reason, whichever end closed. */
  onClose(listener: (why: string) => void): void;
  close(why?: string): void;
}

/** Largest message towards the engine, in characters: the largest file, three times over for JSON's escapes. */
export const MAX_REQUEST_CHARS = 16 * 1024 * 1024;
/** Largest message from the engine, in characters: the record of a day polled twice a second is about 60 MB. */
export const MAX_REPLY_CHARS = 64 * 1024 * 1024;

const id = z.int().min(1);
/** How many items the reader can take now; the engine sends no more until it says `more`. */
const credit = z.int().min(1).max(4_096);

/** From the client to the engine. */
export const request = z.discriminatedUnion('kind', [
  z.strictObject({ id, kind: z.enum(['query', 'command']), name: z.string().max(64), input: z.unknown() }),
  z.strictObject({ id, kind: z.literal('subscribe'), name: z.string().max(64), input: z.unknown(), credit }),
  z.strictObject({ id, kind: z.literal('more'), credit }),
  z.strictObject({ id, kind: z.literal('cancel') }),
]);
export type Request = z.infer<typeof request>;

const wireError = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string(),
  exitCode: z.union(Object.values(EXIT).map((code) => z.literal(code))),
  issues: z.array(issue),
});
export type WireError = z.infer<typeof wireError>;

/** From the engine to the client. */
export const reply = z.discriminatedUnion('kind', [
  z.strictObject({ id, kind: z.literal('result'), value: z.unknown() }),
  z.strictObject({ id, kind: z.literal('item'), value: z.unknown() }),
  z.strictObject({ id, kind: z.literal('end') }),
  z.strictObject({ id, kind: z.literal('error'), error: wireError }),
]);
export type Reply = z.infer<typeof reply>;

/** Writes a message. Throws FirebreakError `message-too-large` above `limit` characters. */
export function encode(message: Request | Reply, limit: number): string {
  const text = JSON.stringify(message);
  if (text.length > limit) {
    throw new FirebreakError('message-too-large', `a message of ${text.length} characters exceeds the limit of ${limit}`, {
      hint: 'Ask for less at once, or split the file.',
      exitCode: message.kind === 'result' || message.kind === 'item' ? EXIT.failure : EXIT.usage,
    });
  }
  return text;
}

/** Reads a message. @returns undefined for anything that is not one: garbage, the wrong shape, or above `limit` characters. */
export function decode<Schema extends z.ZodType>(schema: Schema, text: string, limit: number): z.output<Schema> | undefined {
  if (text.length > limit) return undefined;
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** What was thrown, as it crosses. Anything but a FirebreakError is a bug, and crosses as `internal`. */
export function toWireError(error: unknown): WireError {
  if (!(error instanceof FirebreakError)) {
    return { code: 'internal', message: messageOf(error), hint: '', exitCode: EXIT.failure, issues: [] };
  }
  const { code, message, hint, exitCode } = error;
  return { code, message, hint, exitCode, issues: error.issues.map(flatten) };
}

/** The error as the caller catches it. */
export function fromWireError({ code, message, hint, exitCode, issues }: WireError): FirebreakError {
  return new FirebreakError(code, message, { hint, exitCode: exitCode as ExitCode, issues: issues.map(unflatten) });
}

/** Line 0 stands for an issue without a place. */
function flatten({ place, path, message, hint }: Issue): z.infer<typeof issue> {
  return { file: place?.file ?? '', line: place?.line ?? 0, column: place?.column ?? 0, path, message, hint };
}
function unflatten({ file, line, column, path, message, hint }: z.infer<typeof issue>): Issue {
  return { ...(line > 0 && { place: { file, line, column } }), path, message, hint };
}

/** Zod's findings as issues without a place: for values that came from a program, not from a file. */
export function issuesOf(error: z.ZodError): Issue[] {
  return error.issues.map((found) => ({ path: found.path.join('.'), message: found.message, hint: '' }));
}

/** Validates one side of an operation. Throws FirebreakError `code` with every finding. */
export function parseFor<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: 'invalid-input' | 'invalid-output',
  name: string,
): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = issuesOf(parsed.error);
  const first = issues[0];
  const side = code === 'invalid-input' ? 'the input of' : 'what came back from';
  throw new FirebreakError(code, `${side} ${name} is not valid: ${first?.path === '' ? '' : `${first?.path}: `}${first?.message}`, {
    hint: code === 'invalid-input' ? 'Correct the named field.' : 'Both ends must be of the same Firebreak version.',
    exitCode: code === 'invalid-input' ? EXIT.usage : EXIT.failure,
    issues,
  });
}
