import { execFileSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';

/** Another machine, as far as its network goes: on a cable to this one. Gone when disposed. */
export interface FarMachine extends Disposable {
  /** Puts a program there: to be written before its command line. */
  readonly within: readonly string[];
  /** Where this machine is, seen from there; others here can be reached at it as well. */
  readonly here: string;
  /** From now on nothing comes from there, not even a goodbye, and nobody there answers; the cable stays plugged in. */
  vanish(): void;
}

/** Needs root, `ip` and `nsenter`. */
export function farMachine(): FarMachine {
  const [id, net] = [randomBytes(3).toString('hex'), `10.98.${randomInt(1, 255)}`];
  const [name, near, far] = [`fb-far-${id}`, `vn${id}`, `vf${id}`];
  const ip = (...args: readonly string[]): void =>
    void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  ip('netns', 'add', name);
  try {
    ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name);
    ip('addr', 'add', `${net}.1/30`, 'dev', near);
    ip('link', 'set', near, 'up');
    ip('-n', name, 'addr', 'add', `${net}.2/30`, 'dev', far);
    for (const link of ['lo', far]) ip('-n', name, 'link', 'set', link, 'up');
  } catch (error) {
    ip('netns', 'del', name);
    throw error;
  }
  return {
    within: ['nsenter', `--net=/run/netns/${name}`, '--'],
    here: `${net}.1`,
    vanish: () => ip('-n', name, 'addr', 'flush', 'dev', far),
    [Symbol.dispose]: () => {
      ip('netns', 'del', name);
      ip('link', 'del', near);
    },
  };
}
