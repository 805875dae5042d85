import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { type Clock } from '../../kernel/clock.ts';
import { FirebreakError } from '../../kernel/errors.ts';
import { type Injector } from '../../kernel/fault.ts';
import { type Container, inspect, listContainers, ownContainers } from '../../host/containers.ts';
import { DockerApi } from '../../host/docker.ts';
import { findSocket, maySpeak, refuseForeign } from '../../host/docker-socket.ts';
import { choose, find, type Found } from './choose.ts';
import { type Hands } from './deed.ts';
import { deedFor, giveBack, leftOf } from './deeds.ts';
import { Treatment } from './live.ts';
import { type ContainerParams } from './manifest.ts';
import { containerUndo, type ContainerUndo, selectorOf, type Touched } from './undo.ts';

export interface ContainerFaultDeps {
  readonly clock: Clock;
  /** The containers that this process runs in; found out when left out. */
  readonly own?: () => ReadonlySet<string>;
}

const INVERSE: Readonly<Record<ContainerParams['action'], string>> = {
  pause: 'unpause exactly these containers, if they are still paused',
  stop: 'start exactly these containers',
  kill: 'start exactly these containers, where nothing else has done so',
  restart: 'see that exactly these containers run',
  disconnect: 'connect exactly these containers to the same networks, under the same aliases and addresses',
  limit: 'give exactly these containers their limits back, where nobody has changed them since',
  stress: 'end the load in these containers by its mark',
};

/** Treats containers of Docker or Podman, and gives them back. */
export function containerInjector({ clock, own = ownContainers }: ContainerFaultDeps): Injector<ContainerParams, ContainerUndo> {
  const live = new Map<string, Treatment>();
  const handsOn = (socket: string): Hands => ({ api: new DockerApi(socket), clock });

  return {
    undo: containerUndo,

    unavailable: (params) => {
      const found = findSocket(params?.socket);
      return 'refusal' in found ? found.refusal : '';
    },

    ownRights: ({ socket, action, memoryMB }) => {
      const found = findSocket(socket);
      if ('refusal' in found || !maySpeak(found.path)) return false;
      // Few containers have a memory limit, and of Docker's only root can set one that can be taken off again. Podman's socket has its name.
      return action !== 'limit' || memoryMB === 0 || process.geteuid?.() === 0 || basename(found.path) === 'podman.sock';
    },

    plan: async ({ params, target, seed, policy }, signal) => {
      const place = findSocket(params.socket);
      if ('refusal' in place) throw new FirebreakError('container-engine', place.refusal);
      refuseForeign(place.path);
      const hands = handsOn(place.path);
      const selector = selectorOf(target);
      const found = find(await listContainers(hands.api, signal), selector, own());
      if (found.fleet.length === 0) {
        if (found.spared.length > 0) throw spared(target, found);
        return [];
      }
      const chosen = choose(found.fleet, selector, params, seed, policy);
      if (chosen.length === 0) {
        throw new FirebreakError('last-container', `only container ${found.fleet[0]?.name} matches ${target}; taking it would leave none`, {
          hint: 'set all: true if that is what you want, or name it: name:NAME',
        });
      }
      const token = randomBytes(9).toString('hex');
      const touched: Touched[] = [];
      for (const { id } of chosen) {
        const container = await inspect(hands.api, id);
        if (container !== undefined) touched.push(await touchedOf(hands, container, params, token));
      }
      if (touched.length === 0) return [];
      const names = touched.map(({ name }) => name).join(', ');
      const rest = found.spared.length === 0 ? '' : `; ${found.spared.length} more that match are left alone`;
      return [{
        target: touched.length === 1 ? `container ${names}` : `containers ${names}`,
        undo: { token, socket: place.path, asked: false, touched },
        action: `${params.action} ${names} (${touched.length} of ${found.fleet.length} that match${rest})`,
        inverse: INVERSE[params.action],
        reversible: true,
        // Of two faults of one kind the second would find the first one's work as what was there before.
        takes: touched.map(({ id, prior }) => `${prior.kind} ${id}`),
      }];
    },

    inject: async (undo, context) => {
      if (live.has(undo.token)) return;
      const treatment = new Treatment(handsOn(undo.socket), structuredClone(undo), context);
      live.set(undo.token, treatment);
      await treatment.begin();
    },

    verify: async (undo) => (await live.get(undo.token)?.measure()) ?? { bitten: false, detail: 'it was not started here', figures: [] },

    revert: async (undo) => {
      live.get(undo.token)?.[Symbol.dispose]();
      live.delete(undo.token);
      await giveBack(handsOn(undo.socket), undo);
    },

    fingerprint: async (undo) => {
      const left = await leftOf(handsOn(undo.socket), undo);
      return `containers that this fault keeps from being as they were: ${left.map(({ touched, what }) => `${touched.name} (${what})`).join(', ') || 'none'}`;
    },
  };
}

async function touchedOf(hands: Hands, container: Container, params: ContainerParams, token: string): Promise<Touched> {
  const prior = await deedFor(params.action).prepare(hands, container, params, token);
  return { id: container.Id, name: container.Name.replace(/^\//, ''), started: container.State.StartedAt, prior };
}

function spared(target: string, { spared: all }: Found): FirebreakError {
  const named = all.slice(0, 5).map(({ container, reason }) => `${container.name} is ${reason}`);
  const more = all.length > named.length ? ` and ${all.length - named.length} more` : '';
  return new FirebreakError('protected-target', `${target} matches only containers that cannot be taken: ${named.join('; ')}${more}`, {
    hint: 'name a container that runs and that the experiment may hit',
  });
}
