import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { missingPrograms } from '../../engine/host/server-process.ts';
import { capture } from '../../engine/host/spawn.ts';

/** Why certificates cannot be made here, or false. */
export const noGreeter = missingPrograms('openssl');

/** A server that says hello over TLS, with a certificate for so many days. */
export interface Greeter extends AsyncDisposable {
  /** What an evaluator is to run in order to be greeted: it says `hello`, or fails with the code of the error. */
  readonly script: string;
}

export async function startGreeter(days: number): Promise<Greeter> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-greeter-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', String(days), '-keyout', key, '-out', cert];
  capture('openssl', ['req', '-x509', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', ...made]);
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => socket.end('hello')).on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const options = JSON.stringify({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, servername: 'localhost', ca: readFileSync(cert, 'utf8') });
  return {
    script: `load('node:tls').then(({ connect }) => new Promise((resolve, reject) => connect(${options}).on('data', resolve).on('error', reject)))`,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
