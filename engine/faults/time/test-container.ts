import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type DockerLab, noDocker, startDocker } from '../../../test/lab/docker.ts';
import { loadDynamicImage } from '../../../test/lab/dynamic-image.ts';
import { faketimeLibrary } from '../../host/clock-facts.ts';
import { inspect } from '../../host/containers.ts';
import { until } from '../process/test-fleet.ts';
import { noFaketime } from './test-clocked.ts';

/** Why no container with a clock that can be set off can be started here, or false. */
export const noClockedContainers: string | false = noDocker || noFaketime;

/** A container whose one program tells which second it sees. */
export interface ClockedContainer {
  readonly id: string;
  readonly name: string;
  /** Its clock less that of this machine, milliseconds, to a second. */
  offset(): Promise<number>;
  /** What is other in it than in its image, as its engine tells. */
  files(): Promise<readonly string[]>;
}
export interface ClockLab extends AsyncDisposable {
  readonly docker: DockerLab;
  run(): Promise<ClockedContainer>;
}

/** Says which second it sees, ten times a second. */
const CLOCK = 'while (1) { open F, ">/tmp/now"; print F time; close F; rename "/tmp/now", "/tmp/seen"; select undef, undef, undef, 0.1 }';

/** A container engine whose image has a program of this machine, its C library and libfaketime. */
export async function startClockLab(): Promise<ClockLab> {
  // Its name may say $LIB, which the loader knows.
  const maps = execFileSync('cat', ['/proc/self/maps'], { encoding: 'utf8', env: { ...process.env, LD_PRELOAD: faketimeLibrary() ?? '' } });
  const library = /\/\S*libfaketime\S*/.exec(maps)?.[0] ?? '';
  await using stack = new AsyncDisposableStack();
  const docker = stack.use(await startDocker());
  const image = await loadDynamicImage(docker, '/usr/bin/perl', '/usr/bin/env', '/usr/bin/date', library);
  const all = stack.move();
  return {
    docker,
    run: async () => {
      const name = `clocked-${randomBytes(3).toString('hex')}`;
      const env = [`LD_PRELOAD=${library}`, 'FAKETIME_TIMESTAMP_FILE=/run/clock', 'FAKETIME_NO_CACHE=1', 'FAKETIME_DONT_FAKE_MONOTONIC=1'];
      const id = await docker.run(name, { image, command: ['env', ...env, 'perl', '-e', CLOCK] });
      const seen = async (): Promise<number> => secondSeen((await inspect(docker.api, id))?.State.Pid ?? 0);
      await until('it tells its time', async () => (await seen()) > 0);
      return {
        id, name,
        offset: async () => (await seen()) * 1_000 - Date.now(),
        // The program's own file comes and goes.
        files: async () => (await docker.api.ask(`/containers/${id}/changes`, z.array(z.object({ Path: z.string() })))).map(({ Path }) => Path).filter((path) => path !== '/tmp/now'),
      };
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** 0 while it has said nothing. */
function secondSeen(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/root/tmp/seen`, 'utf8'));
  } catch {
    return 0;
  }
}
