import { FirebreakError, EXIT } from '../kernel/errors.ts';

export interface Address {
  /** '' = every address of this machine; no brackets around IPv6. */
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port`, `[ipv6]:port` or `:port`. Throws FirebreakError `bad-address`. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new FirebreakError('bad-address', `${JSON.stringify(text)} is not host:port`, {
      hint: 'write it like 127.0.0.1:7101, localhost:8080 or [::1]:8080',
      exitCode: EXIT.usage,
    });
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

/** The inverse of `parseAddress`. */
export function formatAddress({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
