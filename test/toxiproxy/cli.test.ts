import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { noToxiproxy, TOXIPROXY } from '../lab/toxiproxy.ts';
import { numbered, timed, within10 } from '../wire/toxics/parts.ts';
import { echo, type Stage, stage } from './stage.ts';

/** Each toxic with its attributes on the command line, and what a connection through the proxy then shows. */
describe(
  "Toxiproxy's own command line drives every toxic, each within 10 % of what was asked",
  { timeout: 300_000, skip: noToxiproxy, concurrency: 1 },
  () => {
    let at: Stage;
    let listen: string;
    before(async () => {
      at = await stage();
      await cli('create', '-l', '127.0.0.1:0', '-u', at.upstream.address, 'echo');
      listen = ((await (await fetch(`${at.url}/proxies/echo`)).json()) as { listen: string }).listen;
    });
    after(() => at[Symbol.asyncDispose]());
    afterEach(async () => void (await fetch(`${at.url}/reset`, { method: 'POST' })));
    const cli = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)(TOXIPROXY.cli, ['-h', at.url, ...args])).stdout;
    const toxic = (type: string, stream: 'upstream' | 'downstream', ...attributes: string[]): Promise<string> =>
      cli('toxic', 'add', '-t', type, '-n', 'it', `--${stream}`, ...attributes.flatMap((one) => ['-a', one]), 'echo');
    const without = (): Promise<string> => cli('toxic', 'remove', '-n', 'it', 'echo');
    it('lists, inspects and toggles', async () => {
      assert.match(await cli('list'), /echo/);
      await cli('toggle', 'echo');
      assert.match(await cli('list'), /disabled/);
      await cli('toggle', 'echo');
      await echo(await at.call(listen), 'enabled');
    });
    for (const stream of ['upstream', 'downstream'] as const) {
      it(`latency ${stream}`, async () => {
        const peer = await at.call(listen);
        await toxic('latency', stream, 'latency=200', 'jitter=0');
        assert.match(await cli('inspect', 'echo'), /latency=200/);
        await within10(200, () => echo(peer, 'x'), 199);
        await cli('toxic', 'update', '-n', 'it', '-a', 'latency=100', 'echo');
        await within10(100, () => echo(peer, 'y'), 99);
      });
      it(`bandwidth ${stream}`, async () => {
        await toxic('bandwidth', stream, 'rate=500');
        let last = await at.call(listen);
        await within10(500, async () => {
          last = await at.call(listen);
          last.write(numbered(600_000));
          await last.has(50_000);
          const before = last.length;
          const ms = await timed(() => last.has(before + 400_000));
          return (last.length - before) / ms;
        });
        await without();
        await last.has(600_000);
        assert.ok(last.received.equals(numbered(600_000)));
      });
      it(`limit_data ${stream}`, async () => {
        const peer = await at.call(listen);
        await toxic('limit_data', stream, 'bytes=5000');
        peer.write(numbered(20_000));
        await peer.over();
        if (stream === 'downstream') assert.equal(peer.length, 5_000);
      });
      it(`reset_peer ${stream}`, async () => {
        await toxic('reset_peer', stream, 'timeout=200');
        await within10(200, async () => {
          const peer = await at.call(listen);
          const took = await timed(async () => (peer.write('x'), peer.until(() => peer.closed, 'the reset')));
          assert.equal(peer.error?.code, 'ECONNRESET');
          return took;
        });
      });
      it(`timeout ${stream}`, async () => {
        await toxic('timeout', stream, 'timeout=200');
        await within10(200, async () => {
          // It counts from the beginning of the connection.
          return timed(async () => {
            const peer = await at.call(listen);
            peer.write('x');
            await peer.over();
            assert.equal(peer.length, 0);
          });
        });
      });
      it(`slow_close ${stream}`, async () => {
        await toxic('slow_close', stream, 'delay=200');
        await within10(200, async () => {
          const peer = await at.call(listen);
          await echo(peer, 'x');
          return timed(async () => (peer.socket.end(), peer.over()));
        });
      });
      it(`slicer ${stream}`, async () => {
        const peer = await at.call(listen);
        await toxic('slicer', stream, 'average_size=1000', 'size_variation=100', 'delay=5000');
        // The last of the 60 pieces is followed by no pause that could be seen.
        await within10(59 * 5, () =>
          timed(async () => {
            const before = peer.length;
            peer.write(numbered(60_000));
            await peer.has(before + 60_000);
          }),
        );
      });
    }
    it('deletes', async () => {
      await cli('delete', 'echo');
      assert.doesNotMatch(await cli('list'), /echo/);
    });
  },
);
