import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { FirebreakError } from '../kernel/errors.ts';

/** Where container engines listen: the Docker API over a Unix socket, which Podman speaks as well. */
export interface SocketPlace {
  readonly path: string;
  /** Who named it, for messages: `DOCKER_HOST`, the context of the docker command, or the usual place. */
  readonly from: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The socket of this user's container engine: the one asked for, DOCKER_HOST, CONTAINER_HOST (Podman), the context of the
 * docker command, then the usual places: Docker, rootless Docker, Docker Desktop, Podman, rootless Podman.
 * @returns the first that is there, by a path without links, which nobody can lead elsewhere later; or why there is none.
 */
export function findSocket(asked = '', env: Environment = process.env): SocketPlace | { readonly refusal: string } {
  const named: readonly (readonly [from: string, address: string])[] = [
    ['socket', asked],
    ['DOCKER_HOST', env['DOCKER_HOST'] ?? ''],
    ['CONTAINER_HOST', env['CONTAINER_HOST'] ?? ''],
    ['the docker context', contextHost(env)],
  ];
  for (const [from, address] of named) {
    if (address === '') continue;
    const path = address.replace(/^unix:\/\//, '');
    if (!isAbsolute(path)) return { refusal: `${from} says ${address}: only Unix sockets are spoken to, such as unix:///var/run/docker.sock` };
    return isSocket(path) ? { path: realpathSync(path), from } : { refusal: `${from} says ${path}, which is no socket; is the container engine running?` };
  }
  const found = usualPlaces(env).find(isSocket);
  if (found !== undefined) return { path: realpathSync(found), from: 'the usual place' };
  return { refusal: 'no container engine listens here; start Docker, or Podman with systemctl --user start podman.socket' };
}

function usualPlaces(env: Environment): readonly string[] {
  const home = env['HOME'] ?? homedir();
  const runtime = env['XDG_RUNTIME_DIR'] ?? `/run/user/${process.getuid?.() ?? 0}`;
  return [
    '/var/run/docker.sock',
    join(runtime, 'docker.sock'),
    join(home, '.docker/run/docker.sock'),
    '/run/podman/podman.sock',
    join(runtime, 'podman/podman.sock'),
  ];
}

const config = z.object({ currentContext: z.string().optional() });
const context = z.object({ Endpoints: z.object({ docker: z.object({ Host: z.string() }) }) });

/** The host of the docker command's context; '' for the default one. Contexts lie in folders named by the SHA-256 of their name. */
function contextHost(env: Environment): string {
  try {
    const folder = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');
    const read = (path: string): unknown => JSON.parse(readFileSync(join(folder, path), 'utf8'));
    const name = env['DOCKER_CONTEXT'] ?? config.parse(read('config.json')).currentContext ?? 'default';
    if (name === 'default' || name === '') return '';
    const digest = createHash('sha256').update(name).digest('hex');
    return context.parse(read(`contexts/meta/${digest}/meta.json`)).Endpoints.docker.Host;
  } catch {
    return ''; // there is no such file, or it is not what we know
  }
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}

/** Whether this user may speak to the socket. */
export function maySpeak(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Root trusts only root's sockets: what another user listens on could tell it any story, such as that a process of
 * somebody else's is a container.
 * @throws FirebreakError `foreign-socket`.
 */
export function refuseForeign(path: string): void {
  const { uid } = statSync(path);
  if (process.geteuid?.() === 0 && uid !== 0) {
    throw new FirebreakError('foreign-socket', `${path} belongs to user ${uid}, and root trusts only root's`, { hint: 'run Firebreak as that user' });
  }
}
