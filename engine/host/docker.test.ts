import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { ownContainers } from './containers.ts';
import { DockerApi } from './docker.ts';
import { findSocket, refuseForeign } from './docker-socket.ts';

/** A folder with a server on the socket `s` in it. */
async function stage(answer: RequestListener = (_request, response) => response.end()) {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'firebreak-docker-test-'));
  const path = join(folder, 's');
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    folder,
    path,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

test('the socket is the one asked for, then DOCKER_HOST, CONTAINER_HOST, the docker context, the usual places', async () => {
  await using at = await stage();
  const { folder, path } = at;
  const home = { HOME: folder, XDG_RUNTIME_DIR: folder };
  assert.deepEqual(findSocket(path, { ...home, DOCKER_HOST: 'unix:///nowhere' }), { path, from: 'socket' });
  assert.deepEqual(findSocket('', { ...home, DOCKER_HOST: `unix://${path}` }), { path, from: 'DOCKER_HOST' });
  assert.deepEqual(findSocket('', { ...home, CONTAINER_HOST: `unix://${path}` }), { path, from: 'CONTAINER_HOST' });
  const meta = join(folder, '.docker/contexts/meta', createHash('sha256').update('rootless').digest('hex'));
  mkdirSync(meta, { recursive: true });
  writeFileSync(join(folder, '.docker/config.json'), '{"currentContext":"rootless"}');
  writeFileSync(join(meta, 'meta.json'), JSON.stringify({ Name: 'rootless', Endpoints: { docker: { Host: `unix://${path}` } } }));
  assert.deepEqual(findSocket('', home), { path, from: 'the docker context' });
});

test('what is no socket is said, and a host elsewhere is not spoken to', () => {
  const says = (asked: string, env = {}): string => {
    const found = findSocket(asked, env);
    return 'refusal' in found ? found.refusal : '';
  };
  assert.match(says('', { DOCKER_HOST: 'tcp://10.0.0.7:2375' }), /DOCKER_HOST says tcp:\/\/10\.0\.0\.7:2375: only Unix sockets are spoken to/);
  assert.match(says('', { DOCKER_HOST: 'ssh://box' }), /only Unix sockets/);
  assert.match(says('/nowhere/docker.sock'), /is no socket; is the container engine running\?/);
});

test('a link to a socket is followed once, so that what is spoken to is what was looked at', async () => {
  await using at = await stage();
  const link = join(at.folder, 'link');
  symlinkSync(at.path, link);
  assert.deepEqual(findSocket(link, {}), { path: at.path, from: 'socket' });
});

test('root trusts no socket of another user', { skip: process.geteuid?.() === 0 ? false : 'only root can give a socket away' }, async () => {
  await using at = await stage();
  refuseForeign(at.path);
  chownSync(at.path, 65_534, 65_534);
  assert.throws(() => refuseForeign(at.path), /belongs to user 65534, and root trusts only root's/);
});

test('the older of two versions is spoken, Podman is told by its header, and errors come with the engine\'s words', async () => {
  const asked: string[] = [];
  await using at = await stage((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/_ping') return void response.setHeader('Api-Version', '1.41').setHeader('Libpod-Api-Version', '4.3.1').end('OK');
    if (request.url?.includes('/gone/') === true) return void response.writeHead(404).end('{"message":"No such container: gone"}');
    if (request.url?.includes('/busy/') === true) return void response.writeHead(409).end('{"message":"it is being removed"}');
    response.end(request.url?.includes('/odd/') === true ? '[1' : '{"Id":"x"}');
  });
  const api = new DockerApi(at.path);
  assert.deepEqual(await api.about(), { version: '1.41', podman: '4.3.1' });
  const schema = z.object({ Id: z.string() });
  assert.deepEqual(await api.ask('/containers/one/json', schema), { Id: 'x' });
  assert.deepEqual(asked, ['/_ping', '/v1.41/containers/one/json']);
  const code = (expected: string, words: RegExp) => (error: { code: string; message: string }) => error.code === expected && words.test(error.message);
  await assert.rejects(api.ask('/containers/gone/json', schema), code('no-container', /No such container: gone \(404\)/));
  await assert.rejects(api.act('/containers/busy/pause'), code('container-busy', /it is being removed \(409\)/));
  await assert.rejects(api.ask('/containers/odd/json', schema), code('container-engine', /is not understood/));
  await assert.rejects(new DockerApi('/nowhere').about(), code('container-engine', /cannot be spoken to/));
});

test('the containers that a process runs in are told by its control group and its own files, not by what the host mounts for others', () => {
  const [own, other] = ['a'.repeat(64), 'b'.repeat(64)];
  assert.deepEqual([...ownContainers(`0::/docker/${own}\n`, '')], [own]);
  const mounts = [
    `600 599 0:1 /var/lib/docker/containers/${own}/hostname /etc/hostname rw - ext4 /dev/sda rw`,
    `700 599 0:2 / /var/lib/docker/containers/${other}/mounts/shm rw - tmpfs shm rw`,
  ];
  assert.deepEqual([...ownContainers('0::/\n', mounts.join('\n'))], [own]);
  assert.deepEqual([...ownContainers('0::/user.slice\n', mounts[1] ?? '')], []);
});
