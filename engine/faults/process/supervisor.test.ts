import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { missing } from '../../../test/lab/server.ts';
import { contextOf, faultRequest, figureOf } from '../../../test/support/fault-life.ts';
import { realClock } from '../../kernel/clock.ts';
import { markOf } from '../../host/spawn.ts';
import { processInjector } from './injector.ts';
import { processManifest, type ProcessParams } from './manifest.ts';
import { until } from './test-fleet.ts';

/** How long this supervisor takes to clean up after a service before it starts it again, milliseconds. */
const CLEANS_UP = 400;
/** A label of TAI64N counts from 2^62, and ten seconds ahead of what clocks of computers say (cr.yp.to/libtai/tai64.html). */
const TAI64 = 2n ** 62n + 10n;

/** A service of runit that idles, and what its supervisor has written of it. */
class Service implements AsyncDisposable {
  readonly word = `service-${process.pid}`;
  readonly #folder = mkdtempSync(join(tmpdir(), 'firebreak-runit-'));
  readonly #supervisor: ChildProcess;

  constructor() {
    const service = join(this.#folder, 'service');
    mkdirSync(service);
    const scripts = { run: `exec perl -e "sleep 600" -- ${markOf('supervised', this.word, true)}`, finish: `date +%s%N >${this.#folder}/ended; sleep ${CLEANS_UP / 1_000}` };
    for (const [name, text] of Object.entries(scripts)) {
      writeFileSync(join(service, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(service, name), 0o755);
    }
    this.#supervisor = spawn('runsv', [service], { stdio: 'ignore', detached: true });
  }
  /** When the supervisor started what runs now, in milliseconds; see runsv(8), "supervise/status". */
  get started(): number {
    const status = readFileSync(join(this.#folder, 'service/supervise/status'));
    return Number(status.readBigUInt64BE(0) - TAI64) * 1_000 + status.readUInt32BE(8) / 1e6;
  }
  /** When it saw the one before end. */
  get ended(): number {
    return Number(readFileSync(join(this.#folder, 'ended'), 'utf8')) / 1e6;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    const over = new Promise((resolve) => this.#supervisor.once('exit', resolve));
    this.#supervisor.kill('SIGTERM'); // it ends its service first
    await over;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

test('how long runit takes to bring a killed service back is a figure, and the one that runit itself has', { skip: missing('runsv'), timeout: 60_000 }, async () => {
  await using service = new Service();
  const injector = processInjector({ clock: realClock });
  const request = faultRequest<ProcessParams>(processManifest, { action: 'kill', allowLast: true }, { target: `cmd:${service.word}` });
  const plan = async () => (await injector.plan(request, AbortSignal.timeout(60_000)))[0];
  await until('it runs', async () => (await plan()) !== undefined);
  // What ends within its first second is held back for longer.
  await realClock.sleep(1_100);
  const planned = await plan();
  assert.ok(planned);
  const before = await injector.fingerprint(planned.undo);
  await injector.inject(planned.undo, contextOf(request));
  const recovery = async () => figureOf(await injector.verify(planned.undo, contextOf(request)), 'supervisor recovery');
  assert.deepEqual([(await recovery())?.requested, (await recovery())?.delivered, (await recovery())?.samples], [null, null, 0], 'it is not back yet');
  await until('it is back', async () => (await recovery())?.samples === 1);
  const measured = (await recovery())?.delivered ?? 0;
  const own = service.started - service.ended;
  assert.ok(own >= CLEANS_UP, `${own} ms by the account of runit`);
  assert.ok(measured >= own && measured <= own * 1.2 + 250, `${measured} ms measured, ${own} ms by the account of runit`);
  assert.equal(await injector.fingerprint(planned.undo), before);
  await injector.revert(planned.undo);
});
