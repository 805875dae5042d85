import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { newFaultId } from '../../kernel/random.ts';
import { commandsIn, inspect, isUp } from '../../host/containers.ts';
import { type DockerApi } from '../../host/docker.ts';
import { podmanGroup, readPodmanLimits } from '../../host/podman-limits.ts';
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

  const plan = (target: string, fields: Record<string, unknown>) => containerInjector({ clock: realClock }).plan(requestOf(target, fields), AbortSignal.timeout(60_000));

  test('gets tighter limits, by the account of the kernel, and those of before back: none, and its own', async () => {
    const injector = containerInjector({ clock: realClock });
    for (const [name, host] of [['podman-free', {}], ['podman-tight', { NanoCpus: 1_500_000_000, Memory: 256 << 20, PidsLimit: 200 }]] as const) {
      const id = await lab.run(name, { host });
      const found = await podmanGroup(lab.api, id);
      assert.ok('group' in found);
      const prior = readPodmanLimits(found.group);
      assert.deepEqual([prior?.CpuQuota, prior?.Memory], name === 'podman-free' ? [0, 0] : [150_000, 256 << 20]);
      const request = requestOf(`id:${id}`, { action: 'limit', cpus: 0.25, memoryMB: 64, pids: 50 });
      const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
      assert.ok(planned);
      let { undo } = planned;
      const context = { fault: newFaultId(), request, signal: new AbortController().signal, amend: (longer: ContainerUndo) => void (undo = longer), injected: () => {} };
      await injector.inject(undo, context);
      const { bitten, figures } = await injector.verify(undo, context);
      assert.equal(bitten, true);
      assert.deepEqual(figures.map(({ requested, delivered }) => [requested, delivered]), [[1, 1], [0.25, 0.25], [64, 64], [50, 50]]);
      const afterCrash = containerInjector({ clock: realClock });
      await afterCrash.revert(injector.undo.parse(JSON.parse(JSON.stringify(undo))));
      assert.deepEqual(readPodmanLimits(found.group), prior);
      if (name === 'podman-tight') await assert.rejects(plan(`id:${id}`, { action: 'limit', cpus: 2 }), /podman-tight is limited to 150000 \(CpuQuota\) already/);
      await lab.remove(id);
      assert.match(await afterCrash.fingerprint(undo), /: none$/);
    }
  });
});

test('a Podman that does not change limits is refused with the reason', async () => {
  const old = { about: async () => ({ version: '1.41', podman: '4.2.0' }) } as unknown as DockerApi;
  assert.deepEqual(await podmanGroup(old, 'a'.repeat(64)), { refusal: 'Podman 4.2.0 does not change them; 4.3 and later do' });
});
