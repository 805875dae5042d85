import { type Capability } from '../contract/models.ts';
import { messageOf } from '../kernel/errors.ts';
import { hostProcess, inspect, listContainers } from './containers.ts';
import { DockerApi } from './docker.ts';
import { findSocket, maySpeak } from './docker-socket.ts';

const ENGINE = 'treat containers';
const PROCESSES = 'crash containers, and limit the memory of those without a limit';

/** What can be done to containers here, by asking their engine now. */
export async function containerFacts(): Promise<readonly Capability[]> {
  const place = findSocket();
  if ('refusal' in place) return [no(ENGINE, place.refusal)];
  const { path, from } = place;
  if (!maySpeak(path)) return [no(ENGINE, `this user may not use ${path}: sudo usermod -aG docker $USER and log in again, or sudo firebreak helper`)];
  const api = new DockerApi(path);
  try {
    const { version, podman } = await api.about();
    const running = (await listContainers(api)).filter(({ state }) => state === 'running');
    const engine: Capability = { name: ENGINE, available: true, detail: `${podman === '' ? 'Docker' : `Podman ${podman}`}, API ${version}, at ${path} (${from}); ${running.length} run` };
    const [one] = running;
    const container = one === undefined ? undefined : await inspect(api, one.id);
    if (container === undefined) return [engine];
    const seen = hostProcess(container) !== undefined;
    const detail = !seen ? 'their processes cannot be seen from here, so a kill goes through the engine' : process.geteuid?.() === 0 ? `tried on ${container.Name.slice(1)}` : 'their processes are seen, but only root may signal them';
    return [engine, { name: PROCESSES, available: seen && process.geteuid?.() === 0, detail }];
  } catch (error) {
    return [no(ENGINE, messageOf(error))];
  }
}

const no = (name: string, detail: string): Capability => ({ name, available: false, detail });
