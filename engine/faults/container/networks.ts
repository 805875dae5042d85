import { FirebreakError } from '../../kernel/errors.ts';
import { connect, disconnect, inspect, networkExists } from '../../host/containers.ts';
import { type Deed, type Hands, type Subject } from './deed.ts';
import { type NetworkPrior } from './undo.ts';

/** Cut off from networks, and connected again under the same names and addresses. */
export const cutting: Deed<'disconnect'> = {
  prepare: async (_hands, { Id, Name, HostConfig, NetworkSettings }, { network }) => {
    const name = Name.slice(1);
    if (/^(host|none|container:)/.test(HostConfig.NetworkMode)) {
      throw new FirebreakError('container-network', `${name} has no network of its own (${HostConfig.NetworkMode})`, { hint: 'name a container on a bridge network' });
    }
    const on = Object.entries(NetworkSettings.Networks).filter(([key, { NetworkID }]) => network === '' || key === network || NetworkID.startsWith(network));
    if (on.length === 0) {
      const all = Object.keys(NetworkSettings.Networks).join(', ') || 'none';
      throw new FirebreakError('container-network', `${name} is not on the network ${network || '(any)'}; it is on: ${all}`, { hint: 'name one of these' });
    }
    return {
      kind: 'disconnect',
      networks: on.map(([key, { NetworkID, IPAMConfig, Links, Aliases, DriverOpts }]) => ({
        id: NetworkID || key,
        name: key,
        // The engine adds the short id itself, each time.
        as: { IPAMConfig, Links, Aliases: Aliases.filter((alias) => !Id.startsWith(alias)), DriverOpts },
      })),
    };
  },
  act: async ({ api }, { id, prior }) => {
    for (const network of prior.networks) await disconnect(api, id, network.id);
    return `disconnected from ${prior.networks.map(({ name }) => name).join(', ')}`;
  },
  measure: async (hands, subject) => ({ holds: (await missing(hands, subject)).length > 0, figures: [] }),
  left: async (hands, subject) => {
    const gone = await missing(hands, subject);
    return gone.length === 0 ? '' : `not on ${gone.map(({ name }) => name).join(', ')}`;
  },
  // In the order it had: an engine may give the default route to the first.
  undo: async (hands, subject) => {
    for (const { id, as } of await missing(hands, subject)) await connect(hands.api, subject.id, id, as);
  },
};

/** The networks that the container is not on, and that still exist. */
async function missing({ api }: Hands, { id, prior }: Subject<'disconnect'>): Promise<readonly NetworkPrior[]> {
  const now = await inspect(api, id);
  if (now === undefined) return [];
  const on = new Set(Object.entries(now.NetworkSettings.Networks).flatMap(([name, { NetworkID }]) => [name, NetworkID]));
  const off: NetworkPrior[] = [];
  for (const network of prior.networks) {
    if (!on.has(network.id) && !on.has(network.name) && (await networkExists(api, network.id))) off.push(network);
  }
  return off;
}
