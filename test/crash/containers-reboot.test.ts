import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from '../../engine/host/containers.ts';
import { findByArgument } from '../../engine/host/processes.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { noDocker, startLastingDocker } from '../lab/docker.ts';
import { firebreak, startChild } from './harness.ts';

const WAYS = { paused: 'action: pause', limited: 'action: limit, cpus: 0.5, pids: 40', cut: 'action: disconnect', stopped: 'action: stop, grace: 1s' } as const;

test('power cut while containers are paused, limited, cut off and stopped: after the start of their engine they are as before', { skip: noDocker, timeout: 300_000 }, async () => {
  using dir = temporary();
  await using lab = await startLastingDocker();
  await lab.api.act('/networks/create', { body: { Name: 'shop', IPAM: { Config: [{ Subnet: '10.91.9.0/24' }] } } });
  const ids = new Map<string, string>();
  for (const [index, name] of Object.keys(WAYS).entries()) {
    // As a service is run: it comes back with the machine.
    const host = { NetworkMode: 'shop', NanoCpus: 1_500_000_000, PidsLimit: 200, RestartPolicy: { Name: 'always' } };
    ids.set(name, await lab.run(name, { host, networking: { EndpointsConfig: { shop: { Aliases: [`${name}-alias`], IPAMConfig: { IPv4Address: `10.91.9.5${index}` } } } } }));
  }
  const look = async (): Promise<Record<string, unknown>> => {
    const all = await Promise.all([...ids].map(async ([name, id]) => {
      const now = await inspect(lab.api, id);
      const { NanoCpus, PidsLimit } = now?.HostConfig ?? {};
      const networks = Object.entries(now?.NetworkSettings.Networks ?? {}).map(([key, { Aliases, IPAMConfig }]) => [key, Aliases, IPAMConfig]);
      return [name, { running: now?.State.Running, paused: now?.State.Paused, NanoCpus, PidsLimit, networks }] as const;
    }));
    return Object.fromEntries(all);
  };
  const before = await look();
  const policies = Object.entries(WAYS).map(([name, fields]) => `  - { name: ${name}, type: container, target: "name:${name}", socket: "${lab.socket}", ${fields} }`);
  const stateDir = join(dir.path, 'state');
  await using engine = startChild('./engine-child.ts', [stateDir, 'none', ['version: 1', 'policies:', ...policies].join('\n')]);
  for (const name of Object.keys(WAYS)) await engine.hears(`bitten by ${name}`);
  assert.notDeepEqual(await look(), before);
  // The watchdog has no power either.
  for (const { pid } of findByArgument(stateDir).filter(({ argv }) => argv.some((word) => word.includes('=watchdog')))) process.kill(pid, 'SIGKILL');
  await engine.kill();
  await lab.reboot();
  const after = await look();
  assert.notDeepEqual(after['limited'], before['limited'], 'what the engine has on its disk outlives the cut');
  assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
  assert.deepEqual(await look(), before);
  using journal = openJournal(stateDir, realClock);
  assert.deepEqual(journal.open(), []);
});
