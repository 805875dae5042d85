import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { HelperLine, throughHelper } from '../../helper/line.ts';
import { realClock } from '../../kernel/clock.ts';
import { type FaultManifest, type Injector } from '../../kernel/fault.ts';
import { containerInjector } from './injector.ts';
import { containerManifest } from './manifest.ts';

test('who may use the socket needs no helper; who may not is told how to get one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-rights-'));
  const socket = join(folder, 's');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  using line = new HelperLine(join(folder, 'no-helper'), realClock);
  const own = containerInjector({ clock: realClock }) as unknown as Injector;
  const unavailable = (mine: boolean, fields: Record<string, unknown> = {}): string => {
    const injector = throughHelper({ ...own, ownRights: (params) => mine && own.ownRights?.(params) === true }, containerManifest as unknown as FaultManifest, line);
    return injector.unavailable(containerManifest.params.parse({ socket, ...fields }));
  };
  assert.equal(unavailable(true), '');
  assert.equal(unavailable(false), 'it needs root, and no helper is there to do it (sudo firebreak helper)');
  assert.match(unavailable(true, { socket: '/nowhere/s' }), /is no socket/);
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});
