import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commandsIn, inspect, readStats } from '../../engine/host/containers.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { type DockerLab, noDocker, startDocker } from '../lab/docker.ts';
import { BUSY_MACHINE, eventually, firebreak, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { type Scene } from './scenes.ts';

/** The containers of a real engine after Firebreak was killed with -9, in every way they can be treated. */
describe('containers and a Firebreak that is killed', { skip: noDocker, timeout: 900_000 }, () => {
  let lab: DockerLab;
  before(async () => void (lab = await startDocker()));
  after(() => lab[Symbol.asyncDispose]());

  /** One container, and what the engine and the kernel say of it but for what changes by itself. */
  async function scene(fields: string): Promise<Scene> {
    const name = `crash-${randomBytes(3).toString('hex')}`;
    const network = `${name}-net`;
    await lab.api.act('/networks/create', { body: { Name: network, IPAM: { Config: [{ Subnet: '10.91.8.0/24' }] } } });
    const id = await lab.run(name, {
      host: { NetworkMode: network, NanoCpus: 1_500_000_000, PidsLimit: 200 },
      networking: { EndpointsConfig: { [network]: { Aliases: ['payments'], IPAMConfig: { IPv4Address: '10.91.8.50' } } } },
    });
    const look = async (): Promise<string> => {
      const now = await inspect(lab.api, id);
      const { Running, Paused } = now?.State ?? {};
      const { NanoCpus, CpuQuota, Memory, PidsLimit } = now?.HostConfig ?? {};
      const networks = Object.entries(now?.NetworkSettings.Networks ?? {}).map(([key, { Aliases, IPAMConfig }]) => [key, Aliases, IPAMConfig]);
      const inside = Running === true && Paused === false ? await commandsIn(lab.api, id) : [];
      // As the kernel has it: a container without a memory limit gets one in its control group alone.
      const limit = Running === true ? (await readStats(lab.api, id)).memory_stats.limit : 0;
      return JSON.stringify([Running, Paused, NanoCpus, CpuQuota, Memory, limit, PidsLimit, networks, inside]);
    };
    const prior = await look();
    return {
      text: `version: 1\npolicies:\n  - { name: hit, type: container, target: "name:${name}", socket: "${lab.socket}", ${fields} }`,
      note: () => {},
      visible: async () => (await look()) !== prior,
      intact: async () => (await look()) === prior,
      [Symbol.asyncDispose]: async () => {
        await lab.remove(id);
        await lab.api.act(`/networks/${network}`, { method: 'DELETE' });
      },
    };
  }

  const WAYS: Readonly<Record<string, { readonly fields: string; readonly at: readonly Boundary[] }>> = {
    paused: { fields: 'action: pause', at: BOUNDARIES },
    limited: { fields: 'action: limit, cpus: 0.5, pids: 40, memory_mb: 64', at: BOUNDARIES },
    stopped: { fields: 'action: stop, grace: 1s', at: ['journaled', 'injected', 'bitten', 'reverting', 'undone'] },
    disconnected: { fields: 'action: disconnect', at: ['journaled', 'injected', 'bitten', 'reverting', 'undone'] },
    stressed: { fields: 'action: stress, workers: 1, memory_mb: 16', at: ['journaled', 'injected', 'bitten', 'reverting', 'undone'] },
  };
  const IN_THE_WORLD: readonly Boundary[] = ['injected', 'applied', 'bitten', 'ending', 'reverting'];

  for (const [way, { fields, at }] of Object.entries(WAYS)) {
    for (const boundary of at) {
      test(`${way}: the engine killed with -9 when "${boundary}" leaves nothing behind`, async (t) => {
        using dir = temporary();
        await using stage = await scene(fields);
        const stateDir = join(dir.path, 'state');
        await using engine = startChild('./engine-child.ts', [stateDir, boundary, stage.text]);
        await engine.hears('boundary');
        using journal = openJournal(stateDir, realClock);
        if (IN_THE_WORLD.includes(boundary)) await eventually('the fault is in the world', stage.visible, BUSY_MACHINE);
        await engine.kill();
        const clean = async (): Promise<boolean> => journal.open().length === 0 && (await stage.intact());
        const took = await eventually('nothing is left', clean, NOTHING_LEFT, () => logOf(stateDir));
        t.diagnostic(`nothing was left after ${Math.round(took)} ms`);
        assert.deepEqual(JSON.parse(await firebreak('recover', '--json', '--state-dir', stateDir)), []);
        assert.equal(await stage.intact(), true, 'recovery itself breaks nothing');
      });
    }
  }
});
