import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type DockerLab, noDocker, startDocker } from '../../../test/lab/docker.ts';
import { contextOf, faultRequest } from '../../../test/support/fault-life.ts';
import { inspect } from '../../host/containers.ts';
import { missingPrograms } from '../../host/server-process.ts';
import { ask } from '../../host/spawn.ts';
import { realClock } from '../../kernel/clock.ts';
import { until } from '../process/test-fleet.ts';
import { dnsInjector } from './injector.ts';
import { dnsManifest, type DnsParams } from './manifest.ts';
import { noStage } from './test-stage.ts';

/** Two containers, each with a name server of its own on a network of its own; one of them is taken. */
describe('dns of a container', { skip: noDocker || noStage || missingPrograms('dnsmasq'), timeout: 300_000 }, () => {
  let docker: DockerLab;
  let host: string | undefined;
  before(async () => {
    docker = await startDocker();
    host = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = `unix://${docker.socket}`;
  });
  after(async () => {
    if (host === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = host;
    await docker[Symbol.asyncDispose]();
  });

  test('its programs cannot find a name, those of another can, and afterwards all do', async () => {
    const server = 'chroot /host /usr/sbin/dnsmasq -k --no-resolv --no-hosts --user=root --pid-file --bind-interfaces --listen-address=127.0.0.1 --address=/shop.test/10.9.9.9';
    const start = (name: string): Promise<string> =>
      docker.run(name, {
        command: ['sh', '-c', `/bin/busybox ${server} & sleep 3600`],
        host: { NetworkMode: 'none', Dns: ['127.0.0.1'], Binds: ['/:/host:ro'] },
      });
    const pids = await Promise.all(['taken', 'spared'].map(async (name) => (await inspect(docker.api, await start(name)))?.State.Pid ?? 0));
    const find = (pid = 0): Promise<string> =>
      // It asks for both kinds of address, and fails when one is missing; what counts is what it found.
      ask('nsenter', ['-t', String(pid), '-m', '-n', '--', '/bin/busybox', 'sh', '-c', '/bin/busybox nslookup shop.test 127.0.0.1; true']).then((text) => (text.includes('10.9.9.9') ? 'found' : 'not found'));
    for (const pid of pids) await until('its name server answers', async () => (await find(pid)) === 'found');
    const injector = dnsInjector({ clock: realClock });
    const request = faultRequest<DnsParams>(dnsManifest, { action: 'nxdomain' }, { target: 'container:taken' });
    const [plan, ...more] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(plan !== undefined && more.length === 0);
    // The name server sees another root, and with it the resolv.conf of this machine.
    assert.deepEqual([plan.undo.scope.kind, plan.undo.servers[0]], ['all', '127.0.0.1']);
    const clean = await injector.fingerprint(plan.undo);
    try {
      await injector.inject(plan.undo, contextOf(request));
      assert.deepEqual([await find(pids[0]), await find(pids[1])], ['not found', 'found']);
    } finally {
      await injector.revert(plan.undo);
    }
    assert.deepEqual([await find(pids[0]), await find(pids[1])], ['found', 'found']);
    assert.equal(await injector.fingerprint(plan.undo), clean);
    await assert.rejects(injector.plan({ ...request, target: 'container:nobody' }, AbortSignal.timeout(60_000)), /there is no container nobody/);
  });
});
