import { join } from 'node:path';
import { type ServerSpec } from '../../index.ts';

/** The superuser, who has a password: so the whole authentication crosses the route. */
export const USER = 'postgres';
export const PASSWORD = 'lab-Passw0rd';

/** Where a client connects to, through a route or not. */
export const urlOf = (address: string, database = 'postgres'): string => `postgres://${USER}:${PASSWORD}@${address}/${database}`;

export interface PostgresOptions {
  /** It also takes clients that ask for TLS, with a certificate that nobody trusts; needs openssl. */
  readonly tls?: boolean;
  /** Who needs no password. */
  readonly trusted?: string;
}

/** A PostgreSQL with a cluster of its own that it does not trouble to make safe against power cuts. */
export function postgresServer({ tls = false, trusted }: PostgresOptions = {}): ServerSpec {
  return {
    title: 'PostgreSQL',
    needs: ['initdb', 'postgres', ...(tls ? ['openssl'] : [])],
    user: USER, // the server refuses to run as root
    files: () => ({
      password: PASSWORD,
      'hba.conf': `${trusted === undefined ? '' : `host all ${trusted} 127.0.0.1/32 trust\n`}host all all 127.0.0.1/32 scram-sha-256\n`,
    }),
    first: ({ folder }) => [
      [
        ...(['initdb', '-D', join(folder, 'data'), '-U', USER, '-A', 'scram-sha-256'] as const),
        ...[`--pwfile=${join(folder, 'password')}`, '-E', 'UTF8', '--locale=C', '--no-sync'],
      ],
      ...(tls ? [certify(folder)] : []),
    ],
    command: ({ folder, port }) => [
      ...(['postgres', '-D', join(folder, 'data'), '-p', String(port), '-k', ''] as const),
      ...Object.entries({
        listen_addresses: '127.0.0.1',
        hba_file: join(folder, 'hba.conf'),
        max_connections: '300',
        shared_buffers: '64MB',
        fsync: 'off',
        full_page_writes: 'off',
        synchronous_commit: 'off',
        ...(tls && { ssl: 'on' }),
      }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    ready: answers,
    // Without waiting for clients to leave.
    stopSignal: 'SIGINT',
  };
}

const certify = (folder: string) =>
  [
    ...(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost'] as const),
    ...['-keyout', join(folder, 'data', 'server.key'), '-out', join(folder, 'data', 'server.crt')],
  ] as const;

/** Accepting is not enough: while it starts it refuses every client. */
async function answers(port: number): Promise<boolean> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(urlOf(`127.0.0.1:${port}`));
  client.on('error', () => {});
  await client.connect();
  await client.end();
  return true;
}
