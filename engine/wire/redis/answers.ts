/** What the wire says itself: errors as a server writes them, and the two commands that it sends of its own. */

/** Said when a policy names no error of its own. */
const DEFAULT_ERROR = 'ERR this error was injected by Firebreak';
/** Errors of a server begin with a code in capitals (RESP, "Simple errors"); without one it is ERR. */
const CODE = /^[A-Z][A-Z0-9_]*(?= |$)/;

/** The text of an error in one line and with a code in front, as in `LOADING Redis is loading the dataset in memory`. */
export function errorText(body: Uint8Array): string {
  const text = Buffer.from(body).toString('utf8').replace(/[\r\n]+/g, ' ').trim().replace(/^-/, '');
  if (text === '') return DEFAULT_ERROR;
  return CODE.test(text) ? text : `ERR ${text}`;
}
export const errorAnswer = (text: string): Buffer => Buffer.from(`-${text}\r\n`, 'utf8');

/** The answer to EXEC after a command was refused while it was queued (`execCommand`, multi.c). */
export const ABORTED = Buffer.from('-EXECABORT Transaction discarded because of previous errors.\r\n');
/** The answer to an EXEC that is refused itself (`execCommandAbort`, multi.c). */
export const abortedBy = (text: string): Buffer => Buffer.from(`-EXECABORT Transaction discarded because of: ${text}\r\n`, 'utf8');

/** Goes to the server in place of an EXEC that must not happen. */
export const DISCARD = Buffer.from('*1\r\n$7\r\nDISCARD\r\n');
/** Takes the silence that CLIENT REPLY SKIP ordered for a command that never reaches the server. */
export const PING = Buffer.from('*1\r\n$4\r\nPING\r\n');
