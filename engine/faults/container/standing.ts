import { FirebreakError } from '../../kernel/errors.ts';
import { hostProcess, inspect, isUp, killByEngine, pause, restart, start, stop, unpause } from '../../host/containers.ts';
import { maySignal, signal } from '../../host/signals.ts';
import { type Deed, type Hands } from './deed.ts';

/** Paused: the engine freezes everything in the container. */
export const pausing: Deed<'pause'> = {
  prepare: async (_hands, container) => {
    if (container.State.Paused) throw new FirebreakError('container-state', `${container.Name.slice(1)} is paused already`, { hint: 'name another' });
    return { kind: 'pause' };
  },
  act: async ({ api }, { id }) => {
    await pause(api, id);
    return 'paused';
  },
  measure: async (hands, subject) => ({ holds: (await pausing.left(hands, subject)) !== '', figures: [] }),
  left: async ({ api }, { id, started }) => {
    const now = await inspect(api, id);
    return now?.State.Paused === true && now.State.StartedAt === started ? 'paused' : '';
  },
  undo: async ({ api }, { id }) => unpause(api, id),
};

/** What the engine's own restart policy brings back by itself. */
const RESTARTING = new Set(['always', 'unless-stopped', 'on-failure']);
/** How long an engine under load may take to tell that a container has ended, and how often to ask; milliseconds. */
const TELLS_WITHIN = 1_500;
const ASK_EVERY = 50;
/** Of Docker Swarm, which replaces what ends by another container. */
const SWARM = 'com.docker.swarm.task.id';

/** Down, by being stopped, killed or restarted: all it takes to undo is to see that it runs. */
export const taking: Deed<'down'> = {
  prepare: async (_hands, { Name, HostConfig, Config }, { action }) => {
    const name = Name.slice(1);
    if (HostConfig.AutoRemove && action !== 'restart') {
      throw new FirebreakError('container-vanishes', `${name} is removed by its engine as soon as it ends (--rm), and could not be started again`, { hint: 'use action: pause' });
    }
    if (Config.Labels[SWARM] !== undefined) {
      throw new FirebreakError('container-vanishes', `${name} is replaced by Docker Swarm when it ends; to start it again would make one too many`, { hint: 'use action: pause' });
    }
    return { kind: 'down' };
  },
  act: async ({ api }, { id }, container, { params }) => {
    if (params.action === 'stop') await stop(api, id, params.grace);
    else if (params.action === 'restart') await restart(api, id, params.grace);
    else return kill(api, id, container);
    return params.action === 'stop' ? 'stopped' : 'restarted';
  },
  measure: async ({ api }, { id, started }, { params }) => {
    const now = await inspect(api, id);
    if (now === undefined) return { holds: false, figures: [] };
    const down = !isUp(now);
    return { holds: params.action === 'stop' ? down : down || now.State.StartedAt !== started, figures: [] };
  },
  left: async ({ api }, { id }) => {
    const now = await inspect(api, id);
    return now === undefined || isUp(now) ? '' : 'not running';
  },
  undo: async (hands, { id, started }) => {
    const now = await settled(hands, id, started);
    if (now === undefined) return;
    if (!isUp(now)) await start(hands.api, id);
    // It was told to end, and may still do so at any time: then it is better to have that over.
    else if (now.State.StartedAt === started) await restart(hands.api, id, 0);
  },
};

async function kill(api: Hands['api'], id: string, container: Parameters<typeof hostProcess>[0]): Promise<string> {
  const first = RESTARTING.has(container.HostConfig.RestartPolicy) ? hostProcess(container) : undefined;
  // Docker and Podman take a kill through their API for the wish of a person, and do not restart: a crash is a signal from outside.
  if (first !== undefined && maySignal(first.pid) && signal(first, 'kill') === 'sent') return 'crashed (its first process was killed)';
  await killByEngine(api, id);
  return 'killed';
}

/** The container once it is seen to have ended or to have been started again; as it is when neither happens in time. */
async function settled({ api, clock }: Hands, id: string, started: string): ReturnType<typeof inspect> {
  for (const end = clock.now() + TELLS_WITHIN; ; await clock.sleep(ASK_EVERY)) {
    const now = await inspect(api, id);
    if (now === undefined || !isUp(now) || now.State.StartedAt !== started || clock.now() > end) return now;
  }
}
