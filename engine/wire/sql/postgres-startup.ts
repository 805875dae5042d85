import { STARTUP, startupParameters } from './postgres-messages.ts';
import type { SqlContext } from './subject.ts';

/** What a connection begins with. `size` is in bytes. */
export type Startup =
  | { readonly kind: 'more' }
  /** SSLRequest or GSSENCRequest: the server answers with one byte. */
  | { readonly kind: 'encryption'; readonly size: number }
  /** CancelRequest: all that this connection ever says. `secret` is what BackendKeyData said to the one it is about. */
  | { readonly kind: 'cancel'; readonly secret: Buffer }
  /** `replication`: it will not speak of statements as others do. */
  | { readonly kind: 'startup'; readonly size: number; readonly context: SqlContext; readonly replication: boolean }
  | { readonly kind: 'unknown'; readonly why: string };

const MORE: Startup = { kind: 'more' };
/** The type of a TLS record with a ClientHello (RFC 8446, 5.1). */
export const TLS_HANDSHAKE = 0x16;

/** The ways to write false (PostgreSQL documentation, "8.6. Boolean Type"); all else asks for replication, or is an error. */
const NO_REPLICATION = /^(?:f|fa|fal|fals|false|n|no|of|off|0)$/i;

/** Reads what bytes[at, end) begin with, before any message with a type byte. */
export function readStartup(bytes: Buffer, at: number, end: number): Startup {
  if (bytes[at] === TLS_HANDSHAKE) return { kind: 'unknown', why: 'the connection is encrypted with TLS' };
  if (end - at < 4) return MORE;
  const size = bytes.readInt32BE(at);
  if (size < 8 || size > STARTUP.longest) return { kind: 'unknown', why: 'the client does not begin as PostgreSQL does' };
  if (end - at < 8) return MORE;
  const code = bytes.readInt32BE(at + 4);
  if (code === STARTUP.ssl || code === STARTUP.gss) return { kind: 'encryption', size };
  if (code !== STARTUP.cancel && code >> 16 !== STARTUP.version) return { kind: 'unknown', why: `protocol ${code >> 16} of PostgreSQL is not known` };
  if (end - at < size) return MORE;
  if (code === STARTUP.cancel) return { kind: 'cancel', secret: bytes.subarray(at + 8, at + size) };
  const parameters = startupParameters(bytes, at + 8, at + size);
  const user = parameters.get('user') ?? '';
  // The server's own rule: without a name the database is called as its user.
  const replication = !NO_REPLICATION.test(parameters.get('replication') ?? 'off');
  return { kind: 'startup', size, context: { user, database: parameters.get('database') ?? user }, replication };
}
