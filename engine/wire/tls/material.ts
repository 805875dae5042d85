import type { ConnectionOptions } from 'node:tls';

/** What can be wrong with the certificate that a route shows; the words are those of the `tls` fault. */
export type Flaw = 'expired' | 'not_yet_valid' | 'wrong_name' | 'unknown_issuer';
/** Certificate with chain, and key, as PEM. */
export interface ShownCertificate {
  readonly cert: string;
  readonly key: string;
}

/** All that a worker needs for the TLS of one route, as plain data that crosses threads. */
export interface TlsMaterial {
  /** What clients are shown; absent: the route does not look inside. */
  readonly shown?: { readonly sound: ShownCertificate; readonly flawed: Readonly<Record<Flaw, ShownCertificate>> };
  /** How the upstream is spoken to; absent: in the clear. */
  readonly upstream?: Pick<ConnectionOptions, 'cert' | 'key' | 'servername'> & { readonly ca?: string };
}
