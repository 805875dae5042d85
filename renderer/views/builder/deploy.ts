import { create } from 'zustand';
import { type Planning } from '../../../engine/contract/api.ts';
import { parseDuration } from '../../../engine/contract/sections.ts';
import { engine, follow, refreshStatus } from '../../stores/connection.ts';
import { useDraft } from '../../stores/draft.ts';
import { go } from '../../stores/place.ts';
import { toast, toastError } from '../../stores/toasts.ts';
import { duration } from '../../ui/format.ts';
import { useBench } from './bench.ts';
import { asked } from './check.ts';
import { markSaved } from './keep.ts';

/** From the text to the world: plan, deploy, run, stop. */

interface Deploy {
  readonly busy: '' | 'plan' | 'deploy' | 'run' | 'stop';
  readonly planning: Planning | null;
  /** Names of the engine's routes that the plan was made with. */
  readonly standIns: readonly string[];
  /** Which revision of the text was planned. */
  readonly revision: number;
  readonly error: unknown;
  /** A person has read why the guard warns. */
  readonly sure: boolean;
}
export const useDeploy = create<Deploy>()(() => ({
  busy: '',
  planning: null,
  standIns: [],
  revision: -1,
  error: undefined,
  sure: false,
}));

async function during(busy: Deploy['busy'], work: () => Promise<void>): Promise<void> {
  if (useDeploy.getState().busy !== '') return;
  useDeploy.setState({ busy, error: undefined });
  try {
    await work();
  } catch (error) {
    useDeploy.setState({ error });
  } finally {
    useDeploy.setState({ busy: '' });
  }
}

/** Asks what would happen; nothing is changed. */
export function planNow(): Promise<void> {
  useBench.setState({ panel: 'plan' });
  return during('plan', async () => {
    useDeploy.setState({ planning: null, sure: false });
    await refreshStatus();
    const input = asked();
    const { revision } = useBench.getState();
    const planning = await engine().query('plan', input);
    useDeploy.setState({ planning, revision, standIns: input.routes.map(({ name }) => name) });
  });
}

/** How long a deployment lasts, milliseconds; undefined when the field holds no time. */
export function ttlMs(text: string): number | undefined {
  const value = parseDuration(text);
  return value === undefined || value <= 0 || value > 7 * 86_400_000 ? undefined : value;
}

export const deployNow = (): Promise<void> =>
  during('deploy', async () => {
    const ttl = ttlMs(useDraft.getState().ttl);
    if (ttl === undefined) return;
    const { run, faults } = await engine().command('apply', { ...asked(), ttlMs: ttl });
    const { planning } = useDeploy.getState();
    const name = planning?.ok === true ? planning.plan.name : '';
    useDraft.setState({ deployed: { run, name, until: Date.now() + ttl } });
    markSaved();
    useDeploy.setState({ planning: null, sure: false });
    useBench.setState({ panel: 'form' });
    toast(
      'warn',
      `${name} is deployed`,
      `${faults.length === 1 ? 'One fault is' : `${faults.length} faults are`} injected for ${duration(ttl)}, then everything is put back.`,
    );
    go('board');
  });

export const runNow = (): Promise<void> =>
  during('run', async () => {
    const { run } = await engine().command('run', asked());
    markSaved();
    useDeploy.setState({ planning: null, sure: false });
    useBench.setState({ panel: 'form' });
    toast('info', 'The experiment runs', 'It measures first; faults come after the baseline.');
    go('runs', run);
  });

export const stopDeployed = (): Promise<void> =>
  during('stop', async () => {
    const { deployed } = useDraft.getState();
    if (deployed !== null) await engine().command('abort', { run: deployed.run, why: 'stopped in the builder' });
  });

/** Waits for the end of what was deployed from here, also when it was deployed before a reload. */
export function followDeployed(): void {
  let own = new AbortController();
  const wait = async (signal: AbortSignal): Promise<void> => {
    const { deployed } = useDraft.getState();
    if (deployed === null) return;
    const over = (): boolean => useDraft.getState().deployed?.run === deployed.run;
    try {
      const { reverted, why } = await engine().query('released', { run: deployed.run }, signal);
      if (!over()) return;
      useDraft.setState({ deployed: null });
      toast(
        reverted ? 'ok' : 'bad',
        `${deployed.name} is over`,
        reverted ? `Everything is put back: ${why}.` : 'Not all could be proven clean: see Machine.',
      );
    } catch (error) {
      // Another engine does not know it: whatever it did was put back when its own engine went.
      if (!signal.aborted && over() && (error as { code?: string }).code === 'unknown-run')
        useDraft.setState({ deployed: null });
      else if (!signal.aborted && (error as { code?: string }).code !== 'disconnected')
        toastError('The end of the deployment was not heard', error);
    }
  };
  follow(async (_client, signal) => {
    if (useDraft.getState().loaded) await wait(signal);
  });
  useDraft.subscribe(({ deployed, loaded }, before) => {
    if (!loaded || (deployed?.run === before.deployed?.run && before.loaded)) return;
    own.abort();
    own = new AbortController();
    void wait(own.signal);
  });
}
