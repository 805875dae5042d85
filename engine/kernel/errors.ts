/** Exit codes of the CLI; one table for the whole product. */
export const EXIT = {
  held: 0,
  refuted: 1,
  usage: 2,
  aborted: 3,
  inconclusive: 4,
  failure: 5,
  residue: 6,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Where in a file an error lies; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One finding in a user's input: where it is, what is wrong, and what to do about it. */
export interface Issue {
  readonly place?: Place;
  readonly path: string;
  readonly message: string;
  readonly hint: string;
}

export interface ErrorDetails {
  /** What the reader can do about it. */
  readonly hint?: string;
  readonly exitCode?: ExitCode;
  readonly issues?: readonly Issue[];
  readonly cause?: unknown;
}

/**
 * The only error that Firebreak throws on purpose. `code` is stable and kebab-case; `message` says what
 * happened, `hint` what to do. Expected outcomes are values, never this.
 */
export class FirebreakError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly issues: readonly Issue[];

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'FirebreakError';
    this.code = code;
    this.hint = details.hint ?? '';
    this.exitCode = details.exitCode ?? EXIT.failure;
    this.issues = details.issues ?? [];
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `EPERM`), or '' when there is none. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new FirebreakError('bug', `unexpected value: ${JSON.stringify(value)}`);
}
