import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LabServer, missing, programOf, startServer } from './server.ts';

/** The superuser of every lab server, who has a password: so the whole authentication crosses the route. */
export const USER = 'postgres';
export const PASSWORD = 'lab-Passw0rd';

/** Who needs no password; a test that wants this role creates it. */
export const RAW_USER = 'raw';

/** For `skip` of a test: why PostgreSQL cannot be started here, or false. */
export const noPostgres = missing('initdb', 'postgres');

/**
 * Starts a PostgreSQL of its own, which forgets everything when a test ends it.
 * @param tls it also takes clients that ask for TLS; needs openssl.
 */
export function startPostgres(tls = false): Promise<LabServer> {
  const root = process.getuid?.() === 0;
  return startServer({
    program: 'postgres',
    // The server refuses to run as root.
    user: USER,
    prepare: (folder) => {
      const words = join(folder, 'password');
      writeFileSync(words, PASSWORD, { mode: 0o644 });
      const args = [
        '-D',
        join(folder, 'data'),
        '-U',
        USER,
        '-A',
        'scram-sha-256',
        `--pwfile=${words}`,
        '-E',
        'UTF8',
        '--locale=C',
        '--no-sync',
      ];
      const ids = root ? { uid: idOf('-u'), gid: idOf('-g') } : {};
      const { status, stderr } = spawnSync(programOf('initdb') as string, args, {
        encoding: 'utf8',
        cwd: folder,
        ...ids,
      });
      if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
      // Whoever speaks the protocol by hand need not do the arithmetic of SCRAM.
      const rules = join(folder, 'data', 'pg_hba.conf');
      if (tls) certify(join(folder, 'data'));
      writeFileSync(rules, `host all ${RAW_USER} 127.0.0.1/32 trust\n${readFileSync(rules, 'utf8')}`);
    },
    args: (folder, port) => [
      ...[
        '-D',
        join(folder, 'data'),
        '-p',
        String(port),
        '-k',
        '',
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'fsync=off',
      ],
      ...(tls ? ['-c', 'ssl=on'] : []),
      ...[
        '-c',
        'max_connections=300',
        '-c',
        'shared_buffers=64MB',
        '-c',
        'full_page_writes=off',
        '-c',
        'synchronous_commit=off',
      ],
    ],
    ready: answers,
    stopSignal: 'SIGINT',
  });
}

/** A certificate that nobody trusts, which is enough for a client that only asks for encryption. */
function certify(folder: string): void {
  const [key, cert] = [join(folder, 'server.key'), join(folder, 'server.crt')];
  const args = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-subj',
    '/CN=localhost',
    '-keyout',
    key,
    '-out',
    cert,
  ];
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl failed: ${stderr}`);
  chmodSync(key, 0o600);
  if (process.getuid?.() === 0) for (const path of [key, cert]) chownSync(path, idOf('-u'), idOf('-g'));
}

/** Accepting is not enough: while it starts it refuses every client. */
async function answers(port: number): Promise<boolean> {
  const { default: pg } = await import('pg');
  const client = new pg.Client(`postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/postgres`);
  client.on('error', () => {});
  await client.connect();
  await client.end();
  return true;
}

const idOf = (flag: string): number => Number(spawnSync('id', [flag, USER], { encoding: 'utf8' }).stdout.trim());

/** Where a client connects to, through a route or not. */
export const urlOf = (address: string, database = 'postgres'): string =>
  `postgres://${USER}:${PASSWORD}@${address}/${database}`;
