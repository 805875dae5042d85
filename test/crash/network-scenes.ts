import { makeWorld, type World } from '../../engine/faults/network/test-world.ts';
import { type Scene } from './scenes.ts';

/** What other people have on the same machine, and must find again byte for byte. */
function plant(world: World): void {
  world.run('nft', `add table inet other; add chain inet other c { type filter hook output priority 0 ; }; add rule inet other c oifname "${world.dev}" tcp dport 1 counter drop`);
  world.run('ip', 'link', 'add', 'other', 'type', 'veth');
  world.run('tc', 'qdisc', 'add', 'dev', 'other', 'root', 'handle', '1:', 'tbf', 'rate', '10mbit', 'burst', '32k', 'latency', '50ms');
}

/** One port of an interface, its packets lost and slowed both ways: rules, classes, filters, and an interface for what arrives. */
export async function packetScene(): Promise<Scene> {
  const world = await makeWorld();
  plant(world);
  const before = world.picture();
  const traffic = world.flood(5432);
  return {
    text: `version: 1
policies:
  - { name: bad-link, type: network, target: "netns:${world.here}/${world.dev}", port: 5432, loss: 0.3, rate: 200kbit, direction: both }`,
    note: () => {},
    visible: async () => world.picture() !== before,
    // As before, and a connection through it opens.
    intact: async () => world.picture() === before && (await world.connects(world.four, 5432, 1, 5_000)).length === 1,
    [Symbol.asyncDispose]: async () => {
      await traffic[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}
