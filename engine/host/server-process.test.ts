import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from './identity.ts';
import { missingServer, programOf, type ServerSpec, startServer } from './server-process.ts';
import { spawnNode } from './spawn.ts';

/** A server of a few lines that has a child of its own, as many have, and tells its pid in a file. */
const SOURCE = `
  import { spawn } from 'node:child_process';
  import { readFileSync, writeFileSync } from 'node:fs';
  import { createServer } from 'node:net';
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  writeFileSync('child', String(child.pid));
  console.log('greeting: ' + readFileSync('greeting', 'utf8') + process.env.MORE);
  createServer().listen(Number(process.argv[2]), '127.0.0.1');
  process.on('SIGUSR2', () => process.exit(0));
`;
const spec: ServerSpec = {
  title: 'A server of 2 lines',
  needs: [process.execPath],
  files: () => ({ 'server.mjs': SOURCE, greeting: 'hello ' }),
  first: ({ folder }) => [[process.execPath, '-e', `require('fs').appendFileSync(${JSON.stringify(join(folder, 'greeting'))}, 'and ')`]],
  helper: () => [process.execPath, '-e', `require('fs').writeFileSync('helper', String(process.pid)); setInterval(() => {}, 1000)`],
  command: ({ folder, port }) => [process.execPath, join(folder, 'server.mjs'), String(port)],
  env: () => ({ MORE: 'more' }),
  stopSignal: 'SIGUSR2',
};
const alive = (pid: number): boolean => identityOf(pid) !== undefined;
async function until(what: string, condition: () => boolean): Promise<void> {
  for (let left = 6_000; !condition(); left--) {
    assert.ok(left > 0, `still waiting: ${what}`);
    await sleep(20);
  }
}
async function pidsOf(folder: string, server: number): Promise<number[]> {
  const read = (name: string): number => (existsSync(join(folder, name)) ? Number(readFileSync(join(folder, name), 'utf8')) : 0);
  await until('every process', () => read('child') > 0 && read('helper') > 0);
  return [server, read('child'), read('helper')];
}

/** The test below kills whoever started a server: this very file, told to be that process. */
const AS_HOST = '--as-host';
if (process.argv.includes(AS_HOST)) {
  const server = await startServer(spec);
  process.stdout.write(`${JSON.stringify([server.folder, server.pid])}\n`);
} else describe('a server for a while', { timeout: 300_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-servers-'));
  process.env['TMPDIR'] = folder;
  after(() => rmSync(folder, { recursive: true }));

  it('is prepared, serves, and ends with all that it started', async () => {
    const server = await startServer(spec);
    assert.match(server.folder, /firebreak-a-server-of-2-lines-[0-9a-f]{8}$/);
    await until('its words', () => server.log().includes('greeting: hello and more'));
    const pids = await pidsOf(server.folder, server.pid);
    assert.deepEqual(pids.map(alive), [true, true, true]);
    await server[Symbol.asyncDispose]();
    // What the server had started was killed with it, and takes a moment to be gone.
    await until('the end', () => !pids.some(alive));
    assert.deepEqual(readdirSync(folder), []);
    await server[Symbol.asyncDispose]();
  });
  it('ends also when it has been stopped', async () => {
    const server = await startServer(spec);
    process.kill(server.pid, 'SIGSTOP');
    await server[Symbol.asyncDispose]();
    assert.ok(!alive(server.pid));
  });
  it('ends also when what runs beside it ends while it does', async () => {
    // The server takes its leave, waits until the helper has gone at that, and a little longer.
    const source = `
      import { existsSync, writeFileSync } from 'node:fs';
      import { createServer } from 'node:net';
      createServer().listen(Number(process.argv[2]), '127.0.0.1');
      process.on('SIGUSR2', () => {
        writeFileSync('leave', '');
        setInterval(() => existsSync('left') && setTimeout(() => process.exit(0), 200), 5);
      });`;
    const beside = `const fs = require('fs'); setInterval(() => { if (fs.existsSync('leave')) { fs.writeFileSync('left', ''); process.exit(0); } }, 5)`;
    const server = await startServer({ ...spec, files: () => ({ 'server.mjs': source }), first: () => [], helper: () => [process.execPath, '-e', beside] });
    await server[Symbol.asyncDispose]();
    assert.ok(!alive(server.pid));
    assert.deepEqual(readdirSync(folder), []);
  });
  it('leaves nothing when it dies by itself', async () => {
    await using server = await startServer(spec);
    const pids = await pidsOf(server.folder, server.pid);
    process.kill(server.pid, 'SIGKILL');
    await until('the end', () => !pids.some(alive) && readdirSync(folder).length === 0);
  });
  it('leaves nothing when whoever started it is killed with -9', async () => {
    const host = spawnNode(import.meta.filename, [AS_HOST], { role: 'server-test-host' });
    assert.ok(host.stdout !== null);
    const [line] = (await once(createInterface({ input: host.stdout }), 'line')) as [string];
    const [own, pid] = JSON.parse(line) as [string, number];
    const pids = await pidsOf(own, pid);
    host.kill('SIGKILL');
    await until('the end', () => !pids.some(alive) && readdirSync(folder).length === 0);
  });
  it('says in its own words why it does not serve', async () => {
    const fails = (why: string): ServerSpec['command'] => () => [process.execPath, '-e', `console.error('${why}'); process.exit(3)`];
    await assert.rejects(startServer({ ...spec, command: fails('no disk') }), { code: 'server-failed', message: /A server of 2 lines does not serve: .*no disk/s });
    const first = (): ReturnType<NonNullable<ServerSpec['first']>> => [fails('no room')({ folder, port: 0, morePorts: [] })];
    await assert.rejects(startServer({ ...spec, first }), { message: /no room\n.* ended with 3/s });
    await assert.rejects(startServer({ ...spec, command: () => ['/nonsense'] }), { message: /ENOENT/ });
    assert.deepEqual(readdirSync(folder), []);
  });
  it('says why it cannot be started here', async () => {
    assert.equal(missingServer(spec), false);
    assert.equal(missingServer({ ...spec, needs: ['no-such-a', 'no-such-b'] }), 'no-such-a, no-such-b are not installed on this machine');
    assert.equal(missingServer({ ...spec, missing: () => 'its jars are elsewhere' }), 'its jars are elsewhere');
    await assert.rejects(startServer({ ...spec, needs: ['no-such'] }), { message: 'A server of 2 lines cannot be started: no-such is not installed on this machine' });
    assert.equal(programOf(folder), undefined, 'a folder is no program');
  });
});
