import { statSync } from 'node:fs';
import { FirebreakError } from '../kernel/errors.ts';
import { inspect, listContainers } from './containers.ts';
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
  const pids = inContainer(list, wanted.id).map(({ pid }) => pid);
  return pids.length === 0 ? { fleet: [], spared: [] } : find(list, { kind: 'pid', pids }, room);
}

/** However its group is called: /docker/ID, docker-ID.scope or libpod-ID.scope; what it starts is below. */
const inContainer = (list: readonly ProcessInfo[], id: string): readonly ProcessInfo[] => list.filter(({ groups }) => groups.some((path) => path.includes(id)));

/** The id of the container that a process is in; '' for none. */
export const containerOf = ({ groups }: ProcessInfo): string => /[0-9a-f]{64}/.exec(groups.join('\n'))?.[0] ?? '';

/** The root folder of a container as one of its processes has it now; undefined while none has. A process that its engine is still setting up has ours. */
export function containerRoot(list: readonly ProcessInfo[], id: string): string | undefined {
  const here = statSync('/');
  return inContainer(list, id).map(({ pid }) => `/proc/${pid}/root`).find((root) => {
    const there = statSync(`${root}/`, { throwIfNoEntry: false });
    return there !== undefined && (there.dev !== here.dev || there.ino !== here.ino);
  });
}

/** The socket of the engine that has a container with this id; '' when this machine's knows none such. */
export async function engineOf(id: string): Promise<string> {
  const place = findSocket();
  if (id === '' || 'refusal' in place) return '';
  try {
    refuseForeign(place.path);
    return (await inspect(new DockerApi(place.path), id)) === undefined ? '' : place.path;
  } catch {
    return ''; // who may not ask does not know
  }
}

/** Whether the engine that had it has it no more. @throws FirebreakError `container-engine`, `foreign-socket`. */
export async function isRemoved(socket: string, id: string): Promise<boolean> {
  if (socket === '') return false;
  refuseForeign(socket);
  return (await inspect(new DockerApi(socket), id)) === undefined;
}
