import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type Desk } from './desk.ts';

/** A service of the test's own, to break and to see whole again. */
export class Stage implements AsyncDisposable {
  readonly #server = createServer((_request, response) => response.end('hello'));

  static async open(): Promise<Stage> {
    const stage = new Stage();
    stage.#server.listen(0, '127.0.0.1');
    await once(stage.#server, 'listening');
    return stage;
  }
  /** Opens a route to the service and makes every answer of it a 503. @returns the route's address. */
  async break(desk: Desk): Promise<string> {
    const { port } = this.#server.address() as AddressInfo;
    const route = { name: 'own', protocol: 'http', listen: '127.0.0.1:0', upstream: `127.0.0.1:${port}` };
    const [opened] = await desk.call<{ listen: string }[]>('command', 'openRoutes', { routes: [route] });
    const text =
      'version: 1\npolicies:\n  - { name: own-fault, type: http, target: "/*", error_chance: 1, error_code: 503 }\n';
    await desk.call('command', 'apply', { text, file: 'own.yaml', ttlMs: 600_000, routes: [opened] });
    const address = `http://${opened?.listen}/`;
    if ((await statusOf(address)) !== 503) throw new Error('the fault does not bite');
    return address;
  }
  /** An experiment that breaks the service and aborts over it. */
  experiment(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `version: 1
name: aborts
routes:
  - { name: own, protocol: http, listen: "127.0.0.1:0", upstream: "127.0.0.1:${port}" }
policies:
  - { name: own-fault, type: http, target: "/*", error_chance: 1, error_code: 503 }
experiment:
  hypothesis: The service answers.
  baseline: 300ms
  recovery: 10s
  duration: 5m
  steady_state:
    - name: front
      probe: { type: http, url: "route://own/", every: 50ms, timeout: 2s, window: 1s }
      expect: success_rate >= 0.9
  abort: { when: success_rate < 0.5, for: 200ms }
`;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The HTTP status behind an address; 0 when nothing listens there. */
export async function statusOf(address: string): Promise<number> {
  try {
    const response = await fetch(address, { headers: { connection: 'close' } });
    await response.text();
    return response.status;
  } catch {
    return 0;
  }
}
