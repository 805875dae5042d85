import { randomBytes } from 'node:crypto';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { commandsIn, inspect, readStats } from '../../engine/host/containers.ts';
import { startDocker } from '../lab/docker.ts';
import { plantIn } from './foreign.ts';
import { type Scene } from './scenes.ts';
import { shared } from './shared.ts';

/** Who may not use the engine's socket, as root may. */
const NOBODY = 65_534;

/** One container engine for all, with what others have set up in its network. */
const engine = shared(async () => {
  const lab = await startDocker();
  chmodSync(dirname(lab.socket), 0o711); // the socket can be seen there, as in /var/run
  const planted = plantIn(['nsenter', `--net=/proc/${lab.pid}/ns/net`, '--']);
  return { lab, planted, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose]() };
});
/** Each container is alone in a network of its own, so that scenes do not meet. */
let networks = 0;

/** One container, and what the engine and the kernel say of it but for what changes by itself; and one of somebody else's. */
async function containerScene(fields: string, passing = false): Promise<Scene> {
  const { lab, planted } = await engine();
  const name = `crash-${randomBytes(4).toString('hex')}`;
  const [network, subnet] = [`${name}-net`, `10.91.${networks++ % 250}`];
  await using stack = new AsyncDisposableStack();
  await lab.api.act('/networks/create', { body: { Name: network, IPAM: { Config: [{ Subnet: `${subnet}.0/24` }] } } });
  stack.defer(() => lab.api.act(`/networks/${network}`, { method: 'DELETE' }).then(() => {}));
  const start = async (called: string, address: string): Promise<string> => {
    const id = await lab.run(called, {
      host: { NetworkMode: network, NanoCpus: 1_500_000_000, PidsLimit: 200 },
      networking: { EndpointsConfig: { [network]: { Aliases: ['payments'], IPAMConfig: { IPv4Address: address } } } },
    });
    stack.defer(() => lab.remove(id));
    return id;
  };
  const [id, others] = [await start(name, `${subnet}.50`), await start(`other-${name}`, `${subnet}.60`)];
  const look = async (of: string): Promise<readonly unknown[]> => {
    const now = await inspect(lab.api, of);
    const { Running, Paused } = now?.State ?? {};
    const { NanoCpus, CpuQuota, Memory, PidsLimit } = now?.HostConfig ?? {};
    const cables = Object.entries(now?.NetworkSettings.Networks ?? {}).map(([key, { Aliases, IPAMConfig }]) => [key, Aliases, IPAMConfig]);
    const inside = Running === true && Paused === false ? await commandsIn(lab.api, of) : [];
    // As the kernel has it: a container without a memory limit gets one in its control group alone.
    const limit = Running === true ? (await readStats(lab.api, of)).memory_stats.limit : 0;
    return [Running, Paused, NanoCpus, CpuQuota, Memory, limit, PidsLimit, cables, inside];
  };
  const lookAt = async (): Promise<string> => JSON.stringify(await look(id));
  const foreign = async (): Promise<string> => JSON.stringify([await look(others), (await inspect(lab.api, others))?.State.StartedAt]) + planted.dump();
  const [prior, priorForeign] = [await lookAt(), await foreign()];
  const moved = stack.move();
  return {
    text: `version: 1\npolicies:\n  - { name: hit, type: container, target: "name:${name}", socket: "${lab.socket}", ${fields} }`,
    user: NOBODY,
    passing,
    note: () => {},
    visible: async () => (await lookAt()) !== prior,
    intact: async () => (await lookAt()) === prior && (await foreign()) === priorForeign,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

export const CONTAINER_SCENES: Readonly<Record<string, () => Promise<Scene>>> = {
  'paused container': () => containerScene('action: pause'),
  'limited container': () => containerScene('action: limit, cpus: 0.5, pids: 40, memory_mb: 64'),
  'stopped container': () => containerScene('action: stop, grace: 1s'),
  'killed container': () => containerScene('action: kill'),
  'restarted container': () => containerScene('action: restart, grace: 1s', true),
  'disconnected container': () => containerScene('action: disconnect'),
  'stressed container': () => containerScene('action: stress, workers: 1, memory_mb: 16'),
};
