import { makeWorld, noWorld, type World } from '../../engine/faults/network/test-world.ts';
import { bootGuest, guestMissing } from '../lab/guest.ts';
import { again, type Case, type Measured, type Stage } from './case.ts';

/** A cable between two namespaces. @param busy what passes over it all the time; left out: 400 datagrams a second. */
async function inWorld(policy: string, busy: (world: World) => AsyncDisposable = (world) => world.flood(5432)): Promise<Stage> {
  const world = await makeWorld();
  const traffic = busy(world);
  return {
    policy: `type: network, target: "netns:${world.here}/${world.dev}", ${policy}`,
    [Symbol.asyncDispose]: async () => {
      await traffic[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** Nothing is accelerated in the guest, and its host may be busy. Milliseconds. */
const AT_MOST = 900_000;

/** All that netem does, in a kernel that has it: one boot for all of it. */
async function inGuest(): Promise<readonly Measured[]> {
  await using guest = await bootGuest({ programs: ['tc', 'ip', 'nft', 'nsenter', 'unshare'] });
  const { code, out } = await guest.run('cd /firebreak; node --disable-warning=ExperimentalWarning engine/faults/network/test-figures.js', AT_MOST);
  if (code !== 0) throw new Error(out);
  return out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Measured);
}

const skip = noWorld();
const udp = 'port: 5432, protocol: udp';

export const NETWORK_CASES: readonly Case[] = [
  { name: 'network: loss, 10 %', skip, stage: () => inWorld('loss: 0.1') },
  { name: 'network: rate 4 Mbit/s', skip, stage: () => inWorld('rate: 4mbit, port: 5432', (world) => again(() => world.send('tcp', world.four, 5432, 1_000))) },
  { name: 'network: latency 100 ms', skip, stage: () => inWorld('latency: 100ms, port: 5432, probe: "10.99.0.2:5432"', (world) => world.flood(9000)) },
  { name: 'network: latency 200 ms give or take 100 ms', skip, stage: () => inWorld(`latency: 200ms, jitter: 100ms, ${udp}`) },
  { name: 'network: 25 % sent ahead', skip, stage: () => inWorld(`latency: 50ms, reordering: 0.25, ${udp}`) },
  { name: 'network: 30 % damaged', skip, stage: () => inWorld(`corruption: 0.3, ${udp}`) },
  { name: 'network: 20 % sent twice', skip, stage: () => inWorld(`duplication: 0.2, ${udp}`) },
  { name: 'network: partition', skip, stage: () => inWorld('partition: drop, port: 5432') },
  { name: 'network, a kernel with netem', skip: guestMissing(), measured: inGuest },
];
