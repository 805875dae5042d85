import { makeWorld, noWorld } from '../../engine/faults/network/test-world.ts';
import { netCapabilities } from '../../engine/host/net-capabilities.ts';
import { plantIn } from './foreign.ts';
import { type Scene } from './scenes.ts';

/** One port of an interface. By default its packets are lost and slowed both ways: rules, classes, filters, and an interface for what arrives. */
export async function packetScene(fields = 'loss: 0.3, rate: 200kbit, direction: both'): Promise<Scene> {
  const world = await makeWorld();
  const planted = plantIn(['nsenter', `--net=/run/netns/${world.here}`, '--']);
  const picture = (): string => world.picture() + planted.dump();
  const before = picture();
  const traffic = world.flood(5432);
  return {
    text: `version: 1
policies:
  - { name: bad-link, type: network, target: "netns:${world.here}/${world.dev}", port: 5432, ${fields} }`,
    note: () => {},
    visible: async () => picture() !== before,
    // As before, and a connection through it opens.
    intact: async () => picture() === before && (await world.connects(world.four, 5432, 1, 5_000)).length === 1,
    [Symbol.asyncDispose]: async () => {
      await traffic[Symbol.asyncDispose]();
      await world[Symbol.asyncDispose]();
    },
  };
}

/** Why packets cannot be held here, by netem or by a program; or false. */
export function noLateLink(): string | false {
  const can = noWorld() === false ? netCapabilities() : undefined;
  return noWorld() || (can?.netem && can.reader) || false;
}
