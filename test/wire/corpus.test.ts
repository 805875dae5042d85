import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seededStream } from '../../engine/kernel/random.ts';
import { type Case, CORPUS, get, ok } from './corpus.ts';
import { echoing, Peer, policy, Upstream, wireTo } from './parts.ts';

/** Up to this length a text is sent byte by byte; beyond it in pieces of a prime size, so that they end anywhere. */
const BYTEWISE = 3_000;
const PIECE = 4_093;

const bytesOf = (text: string | Buffer): Buffer => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
const say = (peer: Peer, bytes: Buffer, whole: boolean): Promise<void> =>
  peer.writePieces(bytes, whole ? Math.max(1, bytes.length) : bytes.length <= BYTEWISE ? 1 : PIECE);

async function converse(address: string, upstream: Upstream, { talk, end }: Case, whole: boolean): Promise<{ up: Buffer; down: Buffer }> {
  using client = await Peer.to(address);
  let server: Peer | undefined;
  let [up, down] = [0, 0];
  for (const [turn, text] of talk.entries()) {
    const bytes = bytesOf(text);
    if (turn % 2 === 0) {
      await say(client, bytes, whole);
      if (end === 'client-first') client.socket.end();
      server ??= await upstream.next();
      await server.has((up += bytes.length));
    } else {
      await say(server as Peer, bytes, whole);
      if (end === 'upstream' && turn === talk.length - 1) server?.socket.end();
      await client.has((down += bytes.length));
    }
  }
  if (end === 'upstream') await client.over();
  client.socket.end();
  await server?.over();
  server?.socket.end();
  return { up: server?.received ?? Buffer.alloc(0), down: client.received };
}

function same(actual: Buffer, talk: Case['talk'], side: number): void {
  const wanted = Buffer.concat(talk.filter((_, turn) => turn % 2 === side).map(bytesOf));
  assert.equal(actual.length, wanted.length);
  assert.ok(actual.equals(wanted), `differs at byte ${actual.findIndex((byte, i) => byte !== wanted[i])}`);
}

it('holds at least 60 conversations', () => assert.ok(CORPUS.length >= 60, `${CORPUS.length}`));

for (const mode of ['without policies', 'under a delay of every request']) {
  describe(`the corpus, ${mode}`, () => {
    let upstream: Upstream;
    let wired: Awaited<ReturnType<typeof wireTo>>;
    before(async () => {
      upstream = await Upstream.start();
      wired = await wireTo(upstream.address);
      if (mode !== 'without policies') await wired.wire.add(policy({ latencyChance: 1, latencyMs: 1 }));
    });
    after(async () => {
      await wired.wire[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
      assert.deepEqual(wired.errors, []);
    });
    for (const one of CORPUS) {
      for (const whole of [true, false]) {
        it(`${one.name}, ${whole ? 'whole' : 'in pieces'}`, { timeout: 300_000 }, async () => {
          const before = wired.wire.routeCounters()[0]?.requests ?? 0;
          const { up, down } = await converse(wired.address, upstream, one, whole);
          same(up, one.talk, 0);
          same(down, one.talk, 1);
          assert.equal((wired.wire.routeCounters()[0]?.requests ?? 0) - before, one.requests, 'requests recognised');
        });
      }
    }
  });
}

describe('random bytes', () => {
  /** Pieces of HTTP in random order with random bytes between: more of the scanner is reached than by noise alone. */
  const PIECES = [get(), ok(), '\r\n', '\n', ': ', 'Content-Length: 5', 'Transfer-Encoding: chunked', '0\r\n\r\n', '5\r\nabcde\r\n', 'HTTP/1.1', 'GET ', ' 200 '];
  const ROUNDS = 200;

  it('are survived, and a good request afterwards still works', { timeout: 300_000 }, async () => {
    await using upstream = await echoing();
    const { wire, address, errors } = await wireTo(upstream.address);
    await using _ = wire;
    await wire.add(policy({ target: '/never', errorChance: 1 }));
    const dice = seededStream(7);
    const noise = (): Buffer =>
      Buffer.concat(
        Array.from({ length: 1 + Math.floor(dice() * 12) }, () =>
          dice() < 0.7
            ? Buffer.from(PIECES[Math.floor(dice() * PIECES.length)] ?? '', 'latin1')
            : Buffer.from(Array.from({ length: Math.floor(dice() * 20) }, () => Math.floor(dice() * 256))),
        ),
      );
    for (let round = 0; round < ROUNDS; round++) {
      using client = await Peer.to(address);
      await client.writePieces(noise(), 1 + Math.floor(dice() * 40));
      if (dice() < 0.5) client.socket.resetAndDestroy();
      else client.socket.end();
    }
    using client = await Peer.to(address);
    client.write(get('/good'));
    await client.says('/good');
    assert.match(client.received.toString(), /^HTTP\/1.1 200 OK\r\n/);
    assert.deepEqual(errors, []);
  });

  it('from the upstream are survived too', { timeout: 300_000 }, async () => {
    const dice = seededStream(8);
    await using upstream = await Upstream.start((peer) => {
      peer.socket.once('data', () => {
        peer.write(Buffer.concat(Array.from({ length: 5 }, () => Buffer.from(PIECES[Math.floor(dice() * PIECES.length)] ?? '', 'latin1'))));
        peer.socket.end();
      });
    });
    const { wire, address, errors } = await wireTo(upstream.address);
    await using _ = wire;
    for (let round = 0; round < ROUNDS / 2; round++) {
      using client = await Peer.to(address);
      client.write(get());
      await client.over();
    }
    assert.deepEqual(errors, []);
  });
});
