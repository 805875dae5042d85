import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { newFaultId } from '../../kernel/random.ts';
import { commandsIn, inspect, isUp } from '../../host/containers.ts';
import { type DockerLab, noPodman, startPodman } from '../../../test/lab/docker.ts';
import { faultRequest } from '../../../test/support/fault-life.ts';
import { until } from '../process/test-fleet.ts';
import { containerInjector } from './injector.ts';
import { containerManifest, type ContainerParams } from './manifest.ts';
import { type ContainerUndo } from './undo.ts';

/** The same over Podman's own socket, for what it does in another way than Docker. */
describe('containers of Podman', { skip: noPodman, timeout: 300_000 }, () => {
  let lab: DockerLab;
  before(async () => void (lab = await startPodman()));
  after(() => lab[Symbol.asyncDispose]());
  const requestOf = (target: string, fields: Record<string, unknown>) =>
    faultRequest<ContainerParams>(containerManifest, { socket: lab.socket, ...fields }, { target, hold: millis(60_000) });

  const WAYS: readonly Record<string, unknown>[] = [
    { action: 'pause' }, { action: 'stop', grace: '1s' }, { action: 'kill' }, { action: 'restart', grace: '1s' }, { action: 'stress', workers: 1, memoryMB: 16 },
  ];
  for (const fields of WAYS) {
    test(`${String(fields['action'])}, and given back`, async () => {
      const name = `podman-${String(fields['action'])}`;
      const id = await lab.run(name, { labels: { tier: 'web' }, host: { RestartPolicy: { Name: 'always' } } });
      const injector = containerInjector({ clock: realClock });
      const request = requestOf(`name:${name}`, fields);
      const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
      assert.ok(planned);
      let undo = planned.undo;
      const amend = (longer: ContainerUndo): void => void (undo = injector.undo.parse(JSON.parse(JSON.stringify(longer))));
      const context = { fault: newFaultId(), request, signal: new AbortController().signal, amend, injected: () => {} };
      const print = await injector.fingerprint(undo);
      await injector.inject(undo, context);
      await until('it bites', async () => (await injector.verify(undo, context)).bitten);
      const afterCrash = containerInjector({ clock: realClock });
      await afterCrash.revert(undo);
      assert.equal(await afterCrash.fingerprint(undo), print);
      const now = await inspect(lab.api, id);
      assert.ok(now !== undefined && isUp(now) && !now.State.Paused);
      await until('nothing of it is left inside', async () => (await commandsIn(lab.api, id)).every((command) => command === 'sleep 3600'));
      await injector.revert(undo);
      await lab.remove(id);
    });
  }

  test('limits are refused: its Docker API does not change them', async () => {
    const id = await lab.run('podman-limit');
    await assert.rejects(containerInjector({ clock: realClock }).plan(requestOf(`id:${id}`, { action: 'limit', cpus: 0.5 }), AbortSignal.timeout(60_000)), /Podman does not change limits through the Docker API/);
  });
});
