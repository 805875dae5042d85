import { type Protocol } from '../contract/models.ts';
import { type FirebreakFile } from './file.ts';

/** What no fault touches unless a file turns the protection off (CAPABILITIES: "Protected by default"), as prefixes. */
export const DEFAULT_IGNORED: Readonly<Partial<Record<Protocol, readonly string[]>>> = {
  sql: ['CREATE', 'ALTER', 'DROP', 'TRUNCATE'],
  mongo: ['create', 'createIndexes', 'drop', 'collMod'],
  redis: ['PING', 'INFO', 'CONFIG'],
  // The service of https://github.com/grpc/grpc/blob/master/doc/health-checking.md
  grpc: ['grpc.health.v1.Health'],
  kafka: ['__consumer_offsets', '_schemas', '__transaction_state'],
  rabbitmq: ['amq.', 'reply_'],
};

/** The prefixes that a file protects for one protocol: the built-in ones unless turned off, then its own; each once. */
export function ignoredPrefixes(
  file: Pick<FirebreakFile, 'enableDefaultIgnored' | 'ignoredCommands'>,
  protocol: Protocol,
): readonly string[] {
  const builtIn = file.enableDefaultIgnored ? (DEFAULT_IGNORED[protocol] ?? []) : [];
  return [...new Set([...builtIn, ...(file.ignoredCommands[protocol] ?? [])])];
}

/**
 * Whether a command, statement, method, topic or path begins with one of the prefixes. Case, white space, opening
 * brackets and slashes in front do not count: `(select 1)` is `SELECT 1`, `///health` is `health`.
 */
export function isIgnored(prefixes: readonly string[], name: string): boolean {
  const bare = fold(name);
  // A prefix of slashes alone would otherwise protect everything.
  return prefixes.some((prefix) => fold(prefix) !== '' && bare.startsWith(fold(prefix)));
}
const fold = (text: string): string => text.replace(/^[\s/(;]+/, '').toUpperCase();
