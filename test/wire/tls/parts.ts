import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { Route } from '../../../engine/contract/models.ts';
import { realClock } from '../../../engine/kernel/clock.ts';
import type { WirePolicy } from '../../../engine/policy/snapshot.ts';
import { createCertificateMaker } from '../../../engine/route-tls.ts';
import { createWire } from '../../../engine/wire/create.ts';
import type { RouteCounters, Wire } from '../../../engine/wire/wire.ts';
import { policy } from '../parts.ts';
import { type Authority, openAuthority } from '../../../engine/host/certificates.ts';
import { readHello } from '../../../engine/wire/tls/hello.ts';

/** An authority for the servers of a test, in a folder that goes with it. */
export class ServerAuthority implements Disposable {
  readonly folder: string;
  readonly #authority: Authority;
  /** The file with its certificate. */
  readonly file: string;
  private constructor(folder: string, authority: Authority) {
    this.folder = folder;
    this.#authority = authority;
    this.file = join(folder, 'ca.pem');
    writeFileSync(this.file, authority.cert, { mode: 0o644 });
  }
  static async make(): Promise<ServerAuthority> {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-tls-server-'));
    return new ServerAuthority(folder, await openAuthority(join(folder, 'authority'), Date.now));
  }
  get pem(): string {
    return this.#authority.cert;
  }
  certify(...names: readonly string[]): Promise<{ readonly cert: string; readonly key: string }> {
    return this.#authority.certify(names);
  }
  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Routes of one wire whose certificates come from an authority of their own. */
export class TlsRoutes implements AsyncDisposable {
  readonly wire: Wire;
  readonly ca: string;
  /** The file with that. */
  readonly caFile: string;
  readonly #folder: string;
  readonly #errors: readonly Error[];
  #opened = 0;
  private constructor(wire: Wire, ca: string, folder: string, errors: readonly Error[]) {
    this.wire = wire;
    this.ca = ca;
    this.caFile = join(folder, 'clients.pem');
    this.#folder = folder;
    this.#errors = errors;
    writeFileSync(this.caFile, ca);
  }
  static async make(): Promise<TlsRoutes> {
    const folder = mkdtempSync(join(tmpdir(), 'firebreak-tls-routes-'));
    const certificates = createCertificateMaker(folder, realClock);
    const errors: Error[] = [];
    const wire = createWire({ tls: certificates.material, onError: (error) => errors.push(error) });
    return new TlsRoutes(wire, await certificates.authority(), folder, errors);
  }
  async open(over: Partial<Route>): Promise<{ readonly name: string; readonly address: string }> {
    const name = `t${++this.#opened}`;
    const [route] = await this.wire.open([{ name, protocol: 'tcp', listen: '127.0.0.1:0', upstream: '127.0.0.1:1', ...over }]);
    return { name, address: route?.listen ?? '' };
  }
  counters(name: string): RouteCounters {
    return this.wire.routeCounters().find((one) => one.name === name) as RouteCounters;
  }
  /** Does the work while the policy is in force. */
  async under<T>(over: Partial<WirePolicy>, work: () => Promise<T>): Promise<T> {
    const one = policy(over);
    await this.wire.add(one);
    try {
      return await work();
    } finally {
      await this.wire.remove(one.id);
    }
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.wire[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
    assert.deepEqual(this.#errors, []);
  }
}

/** A TLS server that says `greeting`, then all it is told. */
export async function secureEcho(authority: ServerAuthority, names: readonly string[], greeting: string): Promise<{ readonly address: string } & Disposable> {
  const sockets = new Set<TLSSocket>();
  const server = createTlsServer(await authority.certify(...names), (socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.write(greeting);
    socket.pipe(socket);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** What a strict client hears first, or the code of what it fails with. */
export function heard(address: string, ca: string, servername: string): Promise<string> {
  return new Promise((resolve) => {
    const [host, port] = address.split(':') as [string, string];
    const options = servername === '' ? { checkServerIdentity: () => undefined } : { servername };
    const client = connect({ host, port: Number(port), ca, ...options });
    const done = (text: string): void => (client.destroy(), resolve(text));
    client.once('data', (bytes: Buffer) => done(bytes.toString()));
    client.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    client.once('end', () => done('the end'));
  });
}

/** What a real client says first. */
export async function helloOf(options: { servername?: string; ALPNProtocols?: string[] }): Promise<Buffer> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const taken = once(server, 'connection') as Promise<[Socket]>;
  const client = connect({ socket: connectTcp((server.address() as AddressInfo).port, '127.0.0.1'), rejectUnauthorized: false, ...options });
  client.on('error', () => {});
  const [socket] = await taken;
  let bytes = Buffer.alloc(0);
  while (readHello(bytes) === undefined) bytes = Buffer.concat([bytes, ((await once(socket, 'data')) as [Buffer])[0]]);
  client.destroy();
  socket.destroy();
  server.close();
  return bytes;
}
/** The same message in records of at most `size` bytes each. */
export function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    parts.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 0xff]), part);
  }
  return Buffer.concat(parts);
}
