import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { line, numbered, timed, toxic, within10 } from './parts.ts';

/** Times that a busy machine may add are bounded by nothing: only what a toxic asks for at least is asserted of a single try. */
describe('each toxic, on bytes', { timeout: 300_000, concurrency: 1 }, () => {
  it('latency: every byte arrives later, by what was asked for, and in order', async () => {
    await using at = await line();
    const slow = toxic({ kind: 'latency', latency: 80 });
    await at.wire.add(slow);
    const { client, server } = await at.join();
    let count = 0;
    await within10(80, () => timed(async () => {
      server.write(`${count % 10}`);
      await client.has(++count);
    }));
    assert.equal(client.received.toString(), '0123456789'.repeat(3).slice(0, count));
    const { timed: counted, struck, meanTime = 0 } = at.wire.counters(slow.id) ?? {};
    assert.deepEqual([counted, struck], [count, 1]);
    assert.ok(meanTime >= 80, `${meanTime}`);
    // The other direction is free.
    let up = 0;
    while ((await timed(async () => (client.write('x'), server.has(++up)))) >= 80) assert.ok(up < 25, 'the other direction is slow, too');
  });

  it('jitter: delays lie between latency - jitter and latency + jitter, keyed on the seed', async () => {
    await using at = await line();
    await at.wire.add(toxic({ kind: 'latency', latency: 30, jitter: 25 }));
    const { client, server } = await at.join();
    const took: number[] = [];
    for (let i = 0; i < 20; i++) took.push(await timed(async () => (server.write('x'), client.has(i + 1))));
    assert.ok(Math.min(...took) >= 4.5 && Math.min(...took) < 30, `${took}`);
    assert.ok(Math.max(...took) > 32);
  });

  it('bandwidth: the rate is what was asked for, and no more is read than a bounded queue holds', async () => {
    await using at = await line();
    const narrow = toxic({ kind: 'bandwidth', rate: 500 });
    await at.wire.add(narrow);
    const { client, server } = await at.join();
    const sent = numbered(8_000_000);
    server.write(sent);
    await client.has(20_000);
    await within10(500, async () => {
      const from = client.length;
      const ms = await timed(() => client.has(from + 250_000));
      return (client.length - from) / ms;
    });
    const { amount = 0, timed: portions = 0, meanTime = 0 } = at.wire.counters(narrow.id) ?? {};
    assert.ok(Math.abs(amount / (portions * meanTime) / 500 - 1) < 0.1, 'as counted');
    assert.ok(server.socket.writableLength > 0, 'the sender was stopped');
    // Taken away, all that waits goes on at once, and in order.
    await at.wire.remove(narrow.id);
    await client.has(sent.length);
    assert.ok(client.received.equals(sent));
  });

  it('slow_close: bytes pass, the end arrives later', async () => {
    await using at = await line();
    await at.wire.add(toxic({ kind: 'slow_close', wait: 150 }));
    const { client, server } = await at.join();
    server.write('bytes');
    await client.has(5);
    const ms = await timed(async () => (server.socket.end(), client.over()));
    assert.ok(ms >= 149, `${ms}`);
  });

  it('timeout: nothing gets through and the connection ends', async () => {
    await using at = await line();
    const silent = toxic({ kind: 'timeout', wait: 120 });
    const { client, server } = await at.join();
    server.write('before');
    await client.has(6);
    const ms = await timed(async () => {
      await at.wire.add(silent);
      server.write('never');
      await client.over();
    });
    assert.ok(ms >= 119, `${ms}`);
    assert.equal(client.received.toString(), 'before');
    assert.equal(at.wire.counters(silent.id)?.drops, 1);
  });

  it('timeout 0: silent until removed, and then nothing is lost', async () => {
    await using at = await line();
    const silent = toxic({ kind: 'timeout', wait: 0 });
    await at.wire.add(silent);
    const { client, server } = await at.join();
    server.write('kept');
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(client.length, 0);
    await at.wire.remove(silent.id);
    await client.says('kept');
    server.write(' and more');
    await client.says('kept and more');
    assert.equal(client.closed || client.ended, false);
  });

  it('timeout: a client that gives up is let go of', async () => {
    await using at = await line();
    await at.wire.add(toxic({ kind: 'timeout', wait: 0, stream: 'upstream' }));
    const { client, server } = await at.join();
    client.write('anybody?');
    client.socket.end();
    await server.over();
    assert.equal(server.length, 0);
  });

  for (const stream of ['upstream', 'downstream'] as const) {
    it(`reset_peer ${stream}: both ends see a reset, after the time asked for`, async () => {
      await using at = await line();
      const cut = toxic({ kind: 'reset_peer', wait: 60, stream });
      await at.wire.add(cut);
      const { client, server } = await at.join();
      const ms = await timed(async () => {
        (stream === 'upstream' ? client : server).write('x');
        await client.until(() => client.error !== undefined, 'a reset');
        await server.until(() => server.error !== undefined, 'a reset');
      });
      assert.deepEqual([client.error?.code, server.error?.code], ['ECONNRESET', 'ECONNRESET']);
      assert.ok(ms >= 59, `${ms}`);
      assert.equal(client.length + server.length, 0);
      assert.equal(at.wire.counters(cut.id)?.drops, 1);
    });
  }

  it('slicer: pieces of the size asked for, on average, and no byte changed', async () => {
    await using at = await line();
    const sliced = toxic({ kind: 'slicer', averageSize: 200, sizeVariation: 50, pause: 0.2 });
    await at.wire.add(sliced);
    const { client, server } = await at.join();
    const sent = numbered(60_000);
    let reads = 0;
    client.socket.on('data', () => reads++);
    const ms = await timed(async () => (server.write(sent), client.has(sent.length)));
    assert.ok(client.received.equals(sent));
    const { amount = 0, timed: pieces = 1 } = at.wire.counters(sliced.id) ?? {};
    assert.ok(Math.abs(amount / pieces / 200 - 1) < 0.1, `${amount} bytes in ${pieces} pieces`);
    assert.ok(ms >= (pieces - 1) * 0.2 - 1, `${pieces} pieces in ${ms} ms`);
    assert.ok(reads > 10, `${reads} reads`);
  });

  it('limit_data: exactly so many bytes arrive, then the end', async () => {
    await using at = await line();
    const limited = toxic({ kind: 'limit_data', bytes: 10_000 });
    await at.wire.add(limited);
    const { client, server } = await at.join();
    server.write(numbered(6_000));
    await client.has(6_000);
    server.write(numbered(30_000).subarray(6_000));
    await client.over();
    assert.ok(client.received.equals(numbered(10_000)));
    assert.deepEqual([at.wire.counters(limited.id)?.drops, at.wire.counters(limited.id)?.amount], [1, 10_000]);
    await server.over();
  });

  it('loss: the share of pieces asked for is missing, the same ones however the bytes arrive', async () => {
    const sent = numbered(300_000);
    const arrived: Buffer[] = [];
    for (const size of [sent.length, 777]) {
      await using at = await line();
      const lossy = toxic({ kind: 'loss', chance: 0.3, pieceSize: 100 });
      await at.wire.add(lossy);
      const { client, server } = await at.join();
      await server.writePieces(sent, size);
      server.socket.end();
      await client.over();
      arrived.push(client.received);
      const { amount = 0, hits = 0 } = at.wire.counters(lossy.id) ?? {};
      assert.equal(amount, 3_000);
      assert.equal(client.length, sent.length - hits * 100);
      assert.ok(Math.abs(hits / amount / 0.3 - 1) < 0.1, `${hits} of ${amount}`);
    }
    assert.ok(arrived[0]?.equals(arrived[1] as Buffer));
  });

  it('corruption: the share of pieces asked for has one byte changed, and only one', async () => {
    await using at = await line();
    const garbled = toxic({ kind: 'corruption', chance: 0.25, pieceSize: 100 });
    await at.wire.add(garbled);
    const { client, server } = await at.join();
    const sent = numbered(300_000);
    server.write(sent);
    await client.has(sent.length);
    const found = new Map<number, number>();
    client.received.forEach((byte, i) => {
      if (byte !== sent[i]) found.set(Math.floor(i / 100), (found.get(Math.floor(i / 100)) ?? 0) + 1);
    });
    assert.ok([...found.values()].every((count) => count === 1));
    assert.equal(found.size, at.wire.counters(garbled.id)?.hits);
    assert.ok(Math.abs(found.size / 3_000 / 0.25 - 1) < 0.1, `${found.size} of 3000`);
  });
});
