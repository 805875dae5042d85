import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { directly } from './direct-write.ts';
import { Pipe, type PipeOwner } from './pipe.ts';

const MB = 1_048_576;
/** More than the kernel takes of a connection whose other end does not read. */
const MUCH = 32 * MB;

/** What happened to the pipe of one connection, and a way to wait for it. */
class Owner implements PipeOwner {
  readonly happened: string[] = [];
  #wake: (() => void) | undefined;
  received(): boolean {
    return false;
  }
  drained(): void {
    this.#tell('drained');
  }
  ended(): void {
    this.#tell('ended');
  }
  failed(_pipe: Pipe, error: NodeJS.ErrnoException): void {
    this.#tell(error.code ?? error.message);
  }
  closed(): void {
    this.#tell('closed');
  }
  async until(what: string): Promise<void> {
    while (!this.happened.includes(what)) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
  #tell(what: string): void {
    this.happened.push(what);
    this.#wake?.();
  }
}
async function gathered(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => parts.push(bytes));
  await once(socket, 'end');
  return Buffer.concat(parts);
}

describe('writing to the handle of a socket', { timeout: 120_000 }, () => {
  let server: Server;
  before(async () => {
    server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  after(() => server.close());

  /** Both kinds of pipe, each with the socket at its other end, which does not read yet. */
  async function pipes(): Promise<readonly { owner: Owner; pipe: Pipe; other: Socket }[]> {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const [mine, theirs] = [new Owner(), new Owner()];
    const arrived = once(server, 'connection') as Promise<[Socket]>;
    const out = Pipe.connect(mine, '127.0.0.1', port, () => {});
    const [other] = await arrived;
    const next = once(server, 'connection') as Promise<[Socket]>;
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    const [accepted] = await next;
    if (client.connecting) await once(client, 'connect');
    return [{ owner: mine, pipe: out, other }, { owner: theirs, pipe: Pipe.accept(theirs, accepted), other: client }];
  }

  it('is there with this Node, and is done without where Node hides it', async () => {
    assert.ok(directly !== undefined);
    const held = process as { binding?: unknown };
    const { binding } = held;
    try {
      for (const [number, other] of [undefined, () => ({}), () => assert.fail('hidden')].entries()) {
        held.binding = other;
        const again = (await import(`./direct-write.ts?${number}`)) as { directly: unknown };
        assert.equal(again.directly, undefined);
      }
    } finally {
      held.binding = binding;
    }
  });

  it('keeps order through a socket that is full, tells when it is not, and ends behind the last byte', async () => {
    for (const { owner, pipe, other } of await pipes()) {
      const wanted = Buffer.alloc(MUCH);
      for (let at = 0; at < MUCH; at += 4) wanted.writeUInt32BE(at, at);
      let [at, waited, size] = [0, 0, 1];
      const all = gathered(other.pause());
      while (at < MUCH) {
        pipe.write(wanted.subarray(at, (at += size)));
        size = size >= MB ? 7 : size * 2;
        if (!pipe.backedUp) continue;
        if (waited++ === 0) pipe.write(wanted.subarray(at, (at += 10)));
        owner.happened.length = 0;
        other.resume();
        await owner.until('drained');
        assert.equal(pipe.backedUp, false);
      }
      pipe.end();
      assert.ok(waited > 0, 'the socket was full at least once');
      assert.ok((await all).equals(wanted));
      other.end();
      pipe.resume();
      await owner.until('closed');
    }
  });

  it('a connection that is reset while bytes wait fails and closes', async () => {
    for (const { owner, pipe, other } of await pipes()) {
      // Not read either: only the writing can tell.
      other.write('unread');
      while (!pipe.backedUp) pipe.write(Buffer.alloc(MB));
      pipe.write(Buffer.from('behind'));
      other.resetAndDestroy();
      await owner.until('closed');
      assert.ok(owner.happened.some((what) => what === 'ECONNRESET' || what === 'EPIPE'), owner.happened.join());
    }
  });

  it('a pipe that is destroyed while bytes wait is closed and writes no more', async () => {
    for (const { owner, pipe, other } of await pipes()) {
      while (!pipe.backedUp) pipe.write(Buffer.alloc(MB));
      pipe.destroy();
      pipe.write(Buffer.from('late'));
      await owner.until('closed');
      assert.deepEqual(owner.happened, ['closed']);
      other.destroy();
    }
  });
});
