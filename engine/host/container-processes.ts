import { FirebreakError } from '../kernel/errors.ts';
import { listContainers } from './containers.ts';
import { DockerApi } from './docker.ts';
import { findSocket, refuseForeign } from './docker-socket.ts';
import { find, type Found, type RoomProcesses, selectorOf } from './process-targets.ts';
import { type ProcessInfo } from './processes.ts';

/** The processes of a container, as one more way to name processes: `container:NAME`, or `container:` and its id. */

const TARGET = /^container:([\w][\w.-]{0,254})$/;
export const isContainerTarget = (target: string): boolean => TARGET.test(target);

/**
 * What a target finds, with who is never touched left out.
 * @throws FirebreakError `bad-target`, `container-engine`, `no-container`.
 */
export async function findProcesses(list: readonly ProcessInfo[], target: string, room: RoomProcesses, signal: AbortSignal): Promise<Found> {
  const name = TARGET.exec(target)?.[1];
  if (name === undefined) return find(list, selectorOf(target), room);
  const place = findSocket();
  if ('refusal' in place) throw new FirebreakError('container-engine', place.refusal);
  refuseForeign(place.path);
  const all = await listContainers(new DockerApi(place.path), signal);
  const wanted = all.find((one) => one.name === name) ?? (/^[0-9a-f]{12,64}$/.test(name) ? all.find(({ id }) => id.startsWith(name)) : undefined);
  if (wanted === undefined) throw new FirebreakError('no-container', `there is no container ${name}`, { hint: 'docker ps shows those that run' });
  // However its group is called: /docker/ID, docker-ID.scope or libpod-ID.scope; what it starts is below.
  const pids = list.filter(({ groups }) => groups.some((path) => path.includes(wanted.id))).map(({ pid }) => pid);
  return pids.length === 0 ? { fleet: [], spared: [] } : find(list, { kind: 'pid', pids }, room);
}
