import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { killEngine } from '../../../test/crash/kill.ts';
import { contextOf, faultRequest } from '../../../test/support/fault-life.ts';
import { restart, start, stop } from '../../host/containers.ts';
import { until } from '../process/test-fleet.ts';
import { realClock } from '../../kernel/clock.ts';
import { DAY } from '../../kernel/fields.ts';
import { timeInjector } from './injector.ts';
import { timeManifest, type TimeParams } from './manifest.ts';
import { type ClockedContainer, type ClockLab, noClockedContainers, startClockLab } from './test-container.ts';

describe('the clock of a container', { skip: noClockedContainers, timeout: 120_000 }, () => {
  let lab: ClockLab;
  const asked = process.env['DOCKER_HOST'];
  before(async () => {
    lab = await startClockLab();
    process.env['DOCKER_HOST'] = `unix://${lab.docker.socket}`;
  });
  after(async () => {
    if (asked === undefined) delete process.env['DOCKER_HOST'];
    else process.env['DOCKER_HOST'] = asked;
    await lab[Symbol.asyncDispose]();
  });

  const injector = timeInjector({ clock: realClock });
  const plan = async ({ name }: ClockedContainer, fields: Record<string, unknown>) => {
    const request = faultRequest<TimeParams>(timeManifest, { otherUsers: true, ...fields }, { target: `container:${name}` });
    const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(planned);
    return { request, undo: injector.undo.parse(JSON.parse(JSON.stringify(planned.undo))) };
  };
  const isOff = async (clocked: ClockedContainer, by: number): Promise<boolean> => Math.abs((await clocked.offset()) - by) < 2_000;

  test('is set off while its program runs, jumps, and is right again; nothing is left in the container', async () => {
    const clocked = await lab.run();
    assert.equal(await isOff(clocked, 0), true);
    const before = await clocked.files();
    const ways: readonly (readonly [fields: Record<string, unknown>, ...sees: number[]])[] = [
      [{ offset: '48h' }, 2 * DAY], [{ offset: '48h', behind: true }, -2 * DAY], [{ action: 'jump', offset: '1h', interval: '500ms' }, 3_600_000, 0, 3_600_000],
    ];
    for (const [fields, ...sees] of ways) {
      const { undo, request } = await plan(clocked, fields);
      await injector.inject(undo, contextOf(request));
      for (const by of sees) await until('it sees the other time', () => isOff(clocked, by));
      const effect = await injector.verify(undo, contextOf(request));
      assert.equal(effect.bitten, true, effect.detail);
      assert.ok((await clocked.files()).includes('/run/clock'));
      // As the watchdog would: another injector, which knows the record alone.
      await timeInjector({ clock: realClock }).revert(undo);
      await until('it is right again', () => isOff(clocked, 0));
      assert.deepEqual(await clocked.files(), before);
      await injector.revert(undo);
    }
  });

  test('is right again in a container that was restarted in mid-fault, and forgotten with one that was removed', async () => {
    for (const end of ['restart', 'remove'] as const) {
      const clocked = await lab.run();
      const before = await clocked.files();
      const { undo, request } = await plan(clocked, { offset: '48h' });
      const print = await injector.fingerprint(undo);
      await injector.inject(undo, contextOf(request));
      await until('it sees the other time', () => isOff(clocked, 2 * DAY));
      if (end === 'restart') {
        await restart(lab.docker.api, clocked.id, 0);
        await until('the new one sees it too', () => isOff(clocked, 2 * DAY));
        assert.match((await injector.verify(undo, contextOf(request))).detail, /the processes have ended/);
      } else await lab.docker.remove(clocked.id);
      const afterCrash = timeInjector({ clock: realClock });
      await afterCrash.revert(undo);
      assert.equal(await afterCrash.fingerprint(undo), print);
      await injector.revert(undo);
      if (end === 'remove') continue;
      await until('it is right again', () => isOff(clocked, 0));
      assert.deepEqual(await clocked.files(), before);
      // One that does not run keeps it until it does.
      const again = await plan(clocked, { offset: '48h' });
      await injector.inject(again.undo, contextOf(again.request));
      await stop(lab.docker.api, clocked.id, 0);
      await assert.rejects(injector.revert(again.undo), /is in container [0-9a-f]{12}, which does not run/);
      await start(lab.docker.api, clocked.id);
      await injector.revert(again.undo);
      await until('it is right again', () => isOff(clocked, 0));
    }
  });

  for (const boundary of ['injected', 'bitten'] as const) {
    test(`is right again after Firebreak was killed with -9 when "${boundary}"`, async () => {
      const clocked = await lab.run();
      const before = await clocked.files();
      await killEngine(async () => ({
        text: `version: 1\npolicies:\n  - { name: off, type: time, target: "container:${clocked.name}", offset: 48h, other_users: true }`,
        env: { DOCKER_HOST: `unix://${lab.docker.socket}` },
        note: () => {},
        visible: () => isOff(clocked, 2 * DAY),
        intact: async () => (await isOff(clocked, 0)) && JSON.stringify(await clocked.files()) === JSON.stringify(before),
        [Symbol.asyncDispose]: async () => {},
      }), boundary);
    });
  }
});
