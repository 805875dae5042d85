import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { kernelInjector } from '../../engine/faults/kernel/injector.ts';
import { kernelManifest, type KernelParams } from '../../engine/faults/kernel/manifest.ts';
import { millis } from '../../engine/kernel/brands.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { freePort } from '../lab/server.ts';
import { contextOf, faultRequest } from '../support/fault-life.ts';
import { type Bench, type Figure, quantile } from './figure.ts';

const ROUNDS = 10;
/** Connections to a port where nobody listens, and reads of a file that is not meant: what passes a fault, and its price. */
const COMPARED = [
  { name: 'connect', does: (port: number) => `connect ${port} 2000`, times: 2_000, fields: (port: number) => ({ action: 'connect', port: port === 1 ? 2 : 1 }) },
  { name: 'read under strace', does: () => `read ${process.execPath} 2000`, times: 2_000, fields: () => ({ action: 'call', calls: 'read,pread64', path: '/nobody/reads/this' }) },
] as const;

/** What a process pays for a fault of the kernel that does not strike: the same calls with and without it, alternating. */
export const run: Bench['run'] = async (say) => {
  const injector = kernelInjector({ clock: realClock });
  const port = await freePort();
  const figures: Figure[] = [];
  for (const { name, does, times, fields } of COMPARED) {
    const params = fields(port) as Partial<KernelParams>;
    const missing = process.geteuid?.() === 0 ? injector.unavailable(kernelManifest.params.parse(params)) : 'only root may strike calls';
    if (missing !== '') {
      say(`${name}: ${missing}`);
      continue;
    }
    const child = spawn(process.execPath, [fileURLToPath(new URL('./children/calls.ts', import.meta.url)), '--firebreak-target=bench'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const took = async (): Promise<number> => {
      child.stdin.write(`${does(port)}\n`);
      return (Number((await answers.next()).value) * 1_000) / times;
    };
    const [without, under]: [number[], number[]] = [[], []];
    try {
      await took();
      for (let round = 0; round < ROUNDS; round++) {
        without.push(await took());
        const request = faultRequest<KernelParams>(kernelManifest, params, { target: `pid:${child.pid}`, hold: millis(60_000) });
        const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
        if (plan === undefined) throw new Error('no plan');
        try {
          await injector.inject(plan.undo, contextOf(request));
          under.push(await took());
        } finally {
          await injector.revert(plan.undo);
        }
      }
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const [base, struck] = [quantile(without, 0.5), quantile(under, 0.5)];
    const figure = (metric: string, value: number, unit: string): Figure => ({ bench: 'kernel', metric: `${name}, ${metric}`, value: Number(value.toPrecision(3)), unit });
    figures.push(figure('without a fault', base, 'us/call'), figure('beside a fault', struck, 'us/call'), figure('beside to without', struck / base, 'ratio'));
  }
  return figures;
};
