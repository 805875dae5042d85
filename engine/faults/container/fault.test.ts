import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { millis } from '../../kernel/brands.ts';
import { realClock } from '../../kernel/clock.ts';
import { type InjectContext, type Injector } from '../../kernel/fault.ts';
import { newFaultId } from '../../kernel/random.ts';
import { commandsIn, execState, inspect, pause, prepareExec, restart, stop, unpause, update } from '../../host/containers.ts';
import { type DockerLab, noDocker, startDocker } from '../../../test/lab/docker.ts';
import { faultRequest, figureOf } from '../../../test/support/fault-life.ts';
import { until } from '../process/test-fleet.ts';
import { containerInjector } from './injector.ts';
import { containerManifest, type ContainerParams } from './manifest.ts';
import { type ContainerUndo } from './undo.ts';

interface Running {
  readonly injector: Injector<ContainerParams, ContainerUndo>;
  readonly context: InjectContext<ContainerParams, ContainerUndo>;
  readonly injected: readonly string[];
  /** What the journal would hold by now. */
  undo(): ContainerUndo;
  figures(): Promise<Readonly<Record<string, readonly [requested: number | null, delivered: number | null]>>>;
}

describe('containers', { skip: noDocker, timeout: 300_000 }, () => {
  let lab: DockerLab;
  before(async () => void (lab = await startDocker()));
  after(() => lab[Symbol.asyncDispose]());

  const requestOf = (target: string, fields: Record<string, unknown>) =>
    faultRequest<ContainerParams>(containerManifest, { socket: lab.socket, ...fields }, { target, hold: millis(60_000) });
  const plan = (target: string, fields: Record<string, unknown>, own: ReadonlySet<string> = new Set()) =>
    containerInjector({ clock: realClock, own: () => own }).plan(requestOf(target, fields), AbortSignal.timeout(60_000));
  const state = async (id: string) => {
    const now = await inspect(lab.api, id);
    assert.ok(now);
    return now;
  };
  const name = (word: string): string => `${word}-${randomBytes(3).toString('hex')}`;

  /** Injects, lets the test look, and proves the revert through an injector that remembers nothing. */
  async function withFault(target: string, fields: Record<string, unknown>, look: (running: Running) => Promise<void>): Promise<Running> {
    const injector = containerInjector({ clock: realClock });
    const request = requestOf(target, fields);
    const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
    assert.ok(planned);
    let journal = JSON.stringify(planned.undo);
    const undo = (): ContainerUndo => injector.undo.parse(JSON.parse(journal));
    const afterCrash = containerInjector({ clock: realClock });
    const print = await afterCrash.fingerprint(undo());
    const injected: string[] = [];
    const context = {
      fault: newFaultId(), request, signal: new AbortController().signal,
      amend: (longer: ContainerUndo) => void (journal = JSON.stringify(longer)),
      injected: (detail: string) => void injected.push(detail),
    };
    const figures = async () => Object.fromEntries((await injector.verify(undo(), context)).figures.map((one) => [one.name, [one.requested, one.delivered] as const]));
    const running: Running = { injector, context, injected, undo, figures };
    assert.equal((await injector.verify(undo(), context)).bitten, false, 'nothing is claimed before it was done');
    try {
      await injector.inject(undo(), context);
      await injector.inject(undo(), context);
      await look(running);
    } finally {
      await afterCrash.revert(undo());
      assert.equal(await afterCrash.fingerprint(undo()), print);
      await injector.revert(undo());
    }
    return running;
  }
  const bites = ({ injector, undo, context }: Running) => until('it bites', async () => (await injector.verify(undo(), context)).bitten);

  test('is paused, and goes on', async () => {
    const id = await lab.run(name('web'));
    await withFault(`id:${id}`, {}, async (running) => {
      await bites(running);
      assert.equal((await state(id)).State.Paused, true);
      assert.deepEqual(await running.figures(), { 'containers paused': [1, 1] });
    });
    assert.equal((await state(id)).State.Paused, false);
  });

  test('is stopped, and started again', async () => {
    const id = await lab.run(name('web'));
    await withFault(`id:${id}`, { action: 'stop', grace: '1s' }, async (running) => {
      assert.equal((await state(id)).State.Running, false);
      assert.deepEqual(await running.figures(), { 'containers stopped': [1, 1] });
    });
    assert.equal((await state(id)).State.Running, true);
  });

  test('is killed for good without a restart policy, until Firebreak starts it', async () => {
    const id = await lab.run(name('web'));
    await withFault(`id:${id}`, { action: 'kill' }, async (running) => {
      await bites(running);
      assert.equal((await state(id)).State.Running, false);
    });
    assert.equal((await state(id)).State.Running, true);
  });

  test('crashes under a restart policy, whose time to recover is measured', async () => {
    const id = await lab.run(name('web'), { host: { RestartPolicy: { Name: 'always' } } });
    const { State: { StartedAt } } = await state(id);
    const { injected } = await withFault(`id:${id}`, { action: 'kill' }, async (running) => {
      await bites(running);
      await until('it is back', () => running.injected.some((line) => /all up again after \d+ ms/.test(line)));
      const effect = await running.injector.verify(running.undo(), running.context);
      assert.match(effect.detail, /1 of 1 containers killed; supervisor recovery \d+ ms/);
      // What Docker itself has written down of the end and the start.
      const own = await lab.api.ask(`/containers/${id}/json`, z.object({ State: z.object({ StartedAt: z.coerce.date(), FinishedAt: z.coerce.date() }) }));
      const took = own.State.StartedAt.getTime() - own.State.FinishedAt.getTime();
      const { requested, delivered, samples } = figureOf(effect, 'supervisor recovery') ?? {};
      assert.deepEqual([requested, samples], [null, 1]);
      assert.ok(took > 0 && Number(delivered) >= took - 1 && Number(delivered) <= took * 1.2 + 400, `${delivered} ms measured, ${took} ms by the account of Docker`);
    });
    assert.match(injected[0] ?? '', /^crashed \(its first process was killed\): container web-/);
    assert.notEqual((await state(id)).State.StartedAt, StartedAt);
  });

  test('is restarted, and seen to be up again', async () => {
    const id = await lab.run(name('web'));
    await withFault(`id:${id}`, { action: 'restart', grace: '1s' }, async (running) => {
      await bites(running);
      await until('it is back', () => running.injected.some((line) => /all up again/.test(line)));
    });
  });

  test('is cut off from its networks, and connected again with aliases and address', async () => {
    const network = name('net');
    await lab.api.act('/networks/create', { body: { Name: network, IPAM: { Config: [{ Subnet: '10.91.7.0/24' }] } } });
    const as = { Aliases: ['payments'], IPAMConfig: { IPv4Address: '10.91.7.50' } };
    const id = await lab.run(name('web'), { host: { NetworkMode: network }, networking: { EndpointsConfig: { [network]: as } } });
    const networks = async () => {
      const { NetworkSettings: { Networks } } = await state(id);
      return Object.entries(Networks).map(([key, { Aliases, IPAMConfig }]) => [key, Aliases, IPAMConfig]);
    };
    const prior = await networks();
    await withFault(`id:${id}`, { action: 'disconnect' }, async (running) => {
      await bites(running);
      assert.deepEqual(await networks(), []);
    });
    assert.deepEqual(await networks(), prior);
    await assert.rejects(plan(`id:${id}`, { action: 'disconnect', network: 'nowhere' }), /is not on the network nowhere; it is on: net-/);
    await lab.remove(id);
    await lab.api.act(`/networks/${network}`, { method: 'DELETE' });
  });

  test('gets tighter limits, and those of before back: none, some, and its own', async () => {
    const free = await lab.run(name('web'));
    const tight = await lab.run(name('web'), { host: { NanoCpus: 1_500_000_000, Memory: 256 << 20, PidsLimit: 200 } });
    for (const id of [free, tight]) {
      const { HostConfig: prior, Name } = await state(id);
      const web = Name.slice(1);
      await withFault(`id:${id}`, { action: 'limit', cpus: 0.25, memoryMB: 64, pids: 50 }, async (running) => {
        await bites(running);
        assert.deepEqual(await running.figures(), {
          'containers limited': [1, 1], [`cpu limit of ${web}`]: [0.25, 0.25], [`memory limit of ${web}`]: [64, 64], [`task limit of ${web}`]: [50, 50],
        });
      });
      const { HostConfig: now } = await state(id);
      const plain = (host: typeof now) => [host.NanoCpus, Math.max(0, host.CpuQuota), host.CpuPeriod, host.Memory, Math.max(0, host.PidsLimit)];
      assert.deepEqual(plain(now), plain(prior));
    }
    await assert.rejects(plan(`id:${tight}`, { action: 'limit', cpus: 2 }), /is limited to 1500000000 \(NanoCpus\) already/);
  });

  test('a limit that somebody else has changed since is theirs', async () => {
    const id = await lab.run(name('web'), { host: { PidsLimit: 200 } });
    const injector = containerInjector({ clock: realClock });
    const [planned] = await plan(`id:${id}`, { action: 'limit', pids: 50 });
    assert.ok(planned);
    const undo = injector.undo.parse({ ...planned.undo, asked: true });
    await update(lab.api, id, { PidsLimit: 70 });
    await assert.rejects(injector.revert(undo), /PidsLimit 70 instead of 200/);
    assert.equal((await state(id)).HostConfig.PidsLimit, 70);
  });

  test('is stressed from inside, and relieved', async () => {
    const id = await lab.run(name('web'));
    await withFault(`id:${id}`, { action: 'stress', workers: 1, memoryMB: 48 }, async (running) => {
      await bites(running);
      await realClock.sleep(500);
      const effect = await running.injector.verify(running.undo(), running.context);
      const web = running.undo().touched[0]?.name;
      assert.ok((figureOf(effect, `processor time of ${web}`)?.delivered ?? 0) > 0.1, JSON.stringify(effect));
      assert.ok((figureOf(effect, `memory of ${web}`)?.delivered ?? 0) >= 48, JSON.stringify(effect));
    });
    await until('nothing of it is left', async () => (await commandsIn(lab.api, id)).every((command) => command === 'sleep 3600'));
  });

  test('a container without a shell cannot be stressed, and the run says so', async () => {
    const id = await lab.run(name('bare'));
    const removal = await prepareExec(lab.api, id, ['/bin/busybox', 'rm', '/bin/sh'], false);
    (await lab.api.attach(`/exec/${removal}/start`, { Detach: false, Tty: false })).resume();
    await until('it is removed', async () => (await execState(lab.api, removal))?.running === false);
    await withFault(`id:${id}`, { action: 'stress', workers: 1 }, async ({ injector, undo, context }) => {
      await until('it is told', async () => /bare-\w+ has no shell to start a load with/.test((await injector.verify(undo(), context)).detail));
      assert.equal((await injector.verify(undo(), context)).bitten, false);
    });
  });

  test('never all that match, unless all are asked for or one is named', async () => {
    const app = name('shop');
    const labels = { 'com.docker.compose.project': app, 'com.docker.compose.service': 'api' };
    const ids = await Promise.all([1, 2, 3].map((n) => lab.run(`${app}-api-${n}`, { labels })));
    const taken = async (target: string, fields: Record<string, unknown>) => (await plan(target, fields))[0]?.target;
    assert.match((await taken(`service:${app}/api`, { count: 5 })) ?? '', new RegExp(`^containers ${app}-api-\\d, ${app}-api-\\d$`));
    assert.equal(await taken(`project:${app}`, { all: true }), `containers ${app}-api-1, ${app}-api-2, ${app}-api-3`);
    assert.equal(await taken(`label:com.docker.compose.project=${app}`, { percentage: 50 }), await taken(`name:${app}-*`, { percentage: 50 }), 'one seed, one choice');
    assert.equal(await taken(`name:${app}-api-2`, {}), `container ${app}-api-2`);
    assert.equal(await taken('name:nobody', {}), undefined);
    assert.ok(await taken('image:firebreak-lab', {}));
    await lab.remove(ids[0] ?? '');
    await stop(lab.api, ids[1] ?? '', 0);
    await assert.rejects(plan(`service:${app}/api`, {}), new RegExp(`only container ${app}-api-3 matches`));
    await assert.rejects(plan(`name:${app}-api-2`, {}), new RegExp(`${app}-api-2 is exited`));
    await assert.rejects(plan(`id:${ids[2]}`, {}, new Set(ids)), /is the container that Firebreak itself runs in/);
  });

  test('two faults of one kind take the same of a container, two of different kinds do not', async () => {
    const id = await lab.run(name('web'));
    const takes = async (fields: Record<string, unknown>) => (await plan(`id:${id}`, fields)).flatMap((one) => one.takes ?? []);
    assert.deepEqual(await takes({ action: 'limit', cpus: 0.5 }), await takes({ action: 'limit', pids: 50 }));
    assert.deepEqual(await takes({ action: 'kill' }), await takes({ action: 'stop' }));
    assert.notDeepEqual(await takes({ action: 'pause' }), await takes({ action: 'limit', cpus: 0.5 }));
  });

  test('what could not be given back is refused: --rm, Swarm, no network of its own', async () => {
    const vanishing = await lab.run(name('web'), { host: { AutoRemove: true } });
    await assert.rejects(plan(`id:${vanishing}`, { action: 'stop' }), /removed by its engine as soon as it ends/);
    const task = await lab.run(name('web'), { labels: { 'com.docker.swarm.task.id': 'x' } });
    await assert.rejects(plan(`id:${task}`, { action: 'kill' }), /replaced by Docker Swarm/);
    const bare = await lab.run(name('web'), { host: { NetworkMode: 'none' } });
    await assert.rejects(plan(`id:${bare}`, { action: 'disconnect' }), /has no network of its own \(none\)/);
  });

  test('a container that was restarted, removed or paused by somebody else since the plan is not hit', async () => {
    const [one, other, paused] = await Promise.all([lab.run(name('a')), lab.run(name('b')), lab.run(name('c'))]);
    for (const [id, change, says] of [[one, () => restart(lab.api, one, 0), /was restarted since/], [other, () => lab.remove(other), /is gone/], [paused, () => pause(lab.api, paused), /does not run any more/]] as const) {
      const injector = containerInjector({ clock: realClock });
      const request = requestOf(`id:${id}`, {});
      const [planned] = await injector.plan(request, AbortSignal.timeout(60_000));
      assert.ok(planned);
      await change();
      let undo = injector.undo.parse(planned.undo);
      const amend = (longer: ContainerUndo): void => void (undo = longer);
      const context = { fault: newFaultId(), request, signal: new AbortController().signal, amend, injected: () => {} };
      await injector.inject(undo, context);
      const { bitten, detail } = await injector.verify(undo, context);
      assert.equal(bitten, false);
      assert.match(detail, says);
      await injector.revert(undo);
      if (id !== other) assert.equal((await state(id)).State.Paused, id === paused, 'it is as somebody else has left it');
    }
    await unpause(lab.api, paused);
  });

  test('a stop that the engine was asked for and that has not come about yet is over after the revert', async () => {
    // It takes its time to end, as many do.
    const id = await lab.run(name('slow'), { command: ['sh', '-c', 'trap "sleep 2; exit" TERM; while :; do sleep 0.1; done'] });
    const injector = containerInjector({ clock: realClock });
    const [planned] = await plan(`id:${id}`, { action: 'stop', grace: '10s' });
    assert.ok(planned);
    const stopping = stop(lab.api, id, 10_000);
    await realClock.sleep(200);
    await injector.revert(injector.undo.parse({ ...planned.undo, asked: true }));
    await stopping;
    await realClock.sleep(2_500);
    assert.equal((await state(id)).State.Running, true);
  });

});
