import { type Dialect, MYSQL } from '../sql/dialect.ts';
import { Statements } from '../sql/normalise.ts';
import { verbOf } from '../sql/rules.ts';
import { STATUS } from './protocol.ts';

/** Reads statements in the SQL mode of their connection. One for all connections of a worker: it keeps nothing of them. */
const READERS = [0, STATUS.noBackslashEscapes, STATUS.ansiQuotes, STATUS.noBackslashEscapes | STATUS.ansiQuotes].map((mode) => {
  const dialect: Dialect = {
    ...MYSQL,
    backslashEscapes: (mode & STATUS.noBackslashEscapes) === 0,
    doubleQuotedTexts: (mode & STATUS.ansiQuotes) === 0,
  };
  return { mode, statements: new Statements(mode === 0 ? MYSQL : dialect) };
});

/** The statements of the SQL in bytes[start, end), by the Status Flags of the connection. `whole` is false when it goes on behind. */
export function read(bytes: Uint8Array, start: number, end: number, whole: boolean, status: number): Statements {
  const mode = status & (STATUS.noBackslashEscapes | STATUS.ansiQuotes);
  const { statements } = READERS.find((one) => one.mode === mode) ?? (READERS[0] as (typeof READERS)[number]);
  statements.read(bytes, start, end, whole);
  // The semicolons in the body of a procedure part nothing.
  if (statements.count > 1 && HAVE_BODIES.has(verbAt(statements, 0))) statements.read(bytes, start, end, whole, false);
  return statements;
}
const HAVE_BODIES = new Set(['CREATE', 'ALTER']);
const verbAt = (statements: Statements, index: number): string => verbOf(statements.bytes, statements.start(index), statements.end(index));

/**
 * Whether none of them can leave a transaction open or autocommit off.
 * @param several whether others may follow in the part of the message that is not looked at.
 */
export function arePlain(statements: Statements, several: boolean): boolean {
  if (statements.truncated) return !several && statements.count === 1 && PLAIN.has(verbAt(statements, 0));
  for (let i = 0; i < statements.count; i++) if (!PLAIN.has(verbAt(statements, i))) return false;
  return true;
}
const PLAIN = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'WITH', 'SHOW', 'EXPLAIN', 'VALUES', 'TABLE', 'DO', 'USE']);
