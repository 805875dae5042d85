import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { it } from 'node:test';
import { realClock } from '../kernel/clock.ts';
import { DemoChild } from './child.ts';
import { type ServerStarter, startParts } from './parts.ts';

const none: ServerStarter = {
  missingServer: () => 'not installed here',
  startServer: () => assert.fail('nothing is installed'),
};

it('a service that does not come up is left out, and is no process of the demo', async () => {
  const ends = (): ReturnType<typeof spawn> => spawn(process.execPath, ['-e', 'console.error("no port is free"); process.exit(1)']);
  await using parts = await startParts(none, (name) => new DemoChild(name, ends, realClock));
  assert.match(parts.notes.join('\n'), /^grpc left out: .*no port is free$/m);
  assert.deepEqual([parts.routes, parts.children], [[], []]);
});
