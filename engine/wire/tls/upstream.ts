import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { TlsMaterial } from './material.ts';

/** How the upstream is connected to; its name is asked for where it is no address. */
export function upstreamOptions(material: TlsMaterial['upstream'], host: string, alpn: readonly string[]): ConnectionOptions {
  return {
    host,
    // An address has no name to ask for; the certificate is checked against the address then.
    ...(isIP(host) === 0 && { servername: host }),
    ...material,
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
  };
}
