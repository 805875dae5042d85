import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { commandsIn, inspect, readStats } from '../../engine/host/containers.ts';
import { type Boundary, BOUNDARIES } from '../../engine/lifecycle/models.ts';
import { type DockerLab, noDocker, startDocker } from '../lab/docker.ts';
import { killEngine } from './kill.ts';
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

  for (const [way, { fields, at }] of Object.entries(WAYS)) {
    for (const boundary of at) {
      test(`${way}: the engine killed with -9 when "${boundary}" leaves nothing behind`, async (t) => {
        t.diagnostic(`nothing was left after ${Math.round(await killEngine(() => scene(fields), boundary))} ms`);
      });
    }
  }
});
