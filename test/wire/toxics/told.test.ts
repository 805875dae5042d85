import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import type { TrafficLine } from '../../../engine/contract/room.ts';
import { TOXICS } from '../../../engine/faults/tcp/manifest.ts';
import { loadText } from '../../../engine/policy/load.ts';
import { seeds } from '../../fuzz/tcp.ts';
import { PIECES, replay } from '../replay.ts';
import { line, numbered, toxic } from './parts.ts';

const PAGE = join(resolve(import.meta.dirname, '../../..'), 'assets/docs/protocols/tcp.md');

describe('what is told of toxics', { timeout: 300_000 }, () => {
  it('the page on bytes shows each toxic in a file that loads', () => {
    const text = /```yaml\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))?.[1] ?? '';
    const loaded = loadText(`version: 1\n${text}`, 'tcp.md', {});
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.deepEqual(new Set(loaded.file.policies.map(({ params }) => params['toxic'])), new Set(TOXICS));
  });

  for (const piece of PIECES) {
    it(`a tcp route without policies passes conversations in pieces of ${piece} unchanged`, async () => {
      for (const turns of seeds()) await replay('tcp', turns, piece);
    });
  }

  it('a line for each connection and toxic, when it first acts, and the counters of the route', async () => {
    await using at = await line();
    const lines: TrafficLine[] = [];
    let heard = (): void => {};
    using _ = at.wire.listen(false, (batch) => (lines.push(...batch.lines), heard()));
    await at.wire.add(toxic({ kind: 'latency', latency: 5 }, { name: 'late' }));
    await at.wire.add(toxic({ kind: 'limit_data', bytes: 3_000, stream: 'upstream' }, { name: 'short' }));
    const { client, server } = await at.join();
    for (let i = 1; i <= 3; i++) {
      server.write('x');
      await client.has(i);
    }
    client.write(numbered(5_000));
    await server.over();
    while (lines.length < 2) await new Promise<void>((resolve) => (heard = resolve));
    assert.deepEqual(
      lines.map(({ route, protocol, action, policy, target }) => ({ route, protocol, action, policy, target })),
      [
        { route: 'r', protocol: 'tcp', action: 'latency', policy: 'late', target: 'connection 0' },
        { route: 'r', protocol: 'tcp', action: 'drop', policy: 'short', target: 'connection 0' },
      ],
    );
    assert.ok((lines[0]?.delayMs ?? 0) >= 5);
    const [{ requests, faults, latencies, drops } = { requests: 0, faults: 0, latencies: 0, drops: 0 }] = at.wire.routeCounters();
    assert.deepEqual({ requests, faults, latencies, drops }, { requests: 1, faults: 2, latencies: 1, drops: 1 });
  });
});
