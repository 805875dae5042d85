import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { noStage } from '../../engine/faults/dns/test-stage.ts';
import { noFaketime } from '../../engine/faults/time/test-clocked.ts';
import { realClock } from '../../engine/kernel/clock.ts';
import { type Boundary } from '../../engine/lifecycle/models.ts';
import { temporary } from '../../engine/lifecycle/test-parts.ts';
import { openJournal } from '../../engine/store/journal.ts';
import { cli, folder, REAL, Running } from '../cli/process.ts';
import { clockScene, nameScene } from './clock-and-name-scenes.ts';
import { BUSY_MACHINE, type Child, eventually, logOf, NOTHING_LEFT, startChild } from './harness.ts';
import { frozenScene, noFreezer, type Scene } from './scenes.ts';

/** An engine that asks a helper for what needs root, and either or both of them killed. */

const skip = process.geteuid?.() === 0 ? false : 'the helper can only be started by root';
const WHO = { engine: ['engine'], helper: ['helper'], both: ['engine', 'helper'] } as const;
const WHEN: readonly Boundary[] = ['planned', 'injected', 'bitten', 'reverting'];
/** What is held, and when somebody dies: the helper's part is the same for every type, so one type shows each boundary. */
const SCENES: readonly { readonly what: string; readonly make: () => Promise<Scene>; readonly skip: string | false; readonly when: readonly Boundary[] }[] = [
  { what: 'a frozen process', make: frozenScene, skip: noFreezer(), when: WHEN },
  { what: 'lost names', make: () => nameScene(true), skip: noStage, when: ['bitten'] },
  { what: 'a clock', make: () => clockScene(true), skip: noFaketime, when: ['bitten'] },
];

interface Stage extends AsyncDisposable {
  readonly helper: Running;
  readonly helperState: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A helper of this user, which its engines find by their environment. */
async function helped(path: string): Promise<Stage> {
  const env = { FIREBREAK_HELPER: join(path, 'helper.sock'), FIREBREAK_HELPER_STATE: join(path, 'helper') };
  const helper = new Running(REAL, ['helper', '--uid', String(process.getuid?.() ?? 0)], env);
  await helper.says(/serving user/);
  return { helper, helperState: env.FIREBREAK_HELPER_STATE, env, [Symbol.asyncDispose]: () => helper[Symbol.asyncDispose]() };
}

/** No open record anywhere, and everything as it was. */
const nothingLeft = (states: readonly string[], intact: () => Promise<boolean>) => async (): Promise<boolean> => {
  for (const state of states) {
    using journal = openJournal(state, realClock);
    if (journal.open().length > 0) return false;
  }
  return intact();
};

describe('the helper', { timeout: 600_000, skip }, () => {
  for (const [name, dying] of Object.entries(WHO)) {
    for (const { when, what, make, skip } of SCENES.flatMap((scene) => scene.when.map((when) => ({ ...scene, when })))) {
      test(`${what}: ${name} killed with -9 when "${when}": nothing is left`, { skip }, async () => {
        using dir = temporary();
        await using scene = await make();
        await using stage = await helped(dir.path);
        const stateDir = join(dir.path, 'state');
        await using engine = startChild('./engine-child.ts', [stateDir, when, scene.text], { ...process.env as Record<string, string>, ...stage.env });
        await engine.hears('boundary');
        if (when !== 'planned') await eventually('the fault is in the world', scene.visible, BUSY_MACHINE);
        await kill(dying, engine, stage.helper);
        const logs = (): string => logOf(stateDir) + logOf(stage.helperState);
        // The engine that stands still at a boundary is not dead: only then its own journal may still be open.
        const states = name === 'helper' ? [stage.helperState] : name === 'both' ? [stage.helperState] : [stage.helperState, stateDir];
        await eventually('nothing is left', nothingLeft(when === 'planned' ? [] : states, scene.intact), NOTHING_LEFT, logs);
        assert.equal(await scene.visible(), false);
        if (name !== 'both' || when === 'planned') return;
        // What the engine's journal still wonders about is settled as soon as there is a helper to ask.
        await using again = await helped(dir.path);
        const recovered = await cli(REAL, ['recover', '--json', '--state-dir', stateDir], again.env);
        assert.deepEqual([recovered.code, recovered.out], [0, '[]\n'], logs() + again.helper.out);
      });
    }
  }

  test('a fault held by the helper bites, is told, and is put back by the engine', { skip: noFreezer() }, async () => {
    using dir = folder();
    await using scene = await frozenScene();
    await using stage = await helped(dir.path);
    const file = dir.file('freeze.yaml', scene.text);
    await using running = new Running(REAL, ['apply', file, '--ttl', '10m', '--json'], { ...stage.env, FIREBREAK_HOME: join(dir.path, 'state') });
    await eventually('it bites', scene.visible, BUSY_MACHINE);
    running.child.kill('SIGINT');
    assert.equal(await running.code(), 3, running.out + running.err);
    assert.equal(await scene.intact(), true);
  });

  test('without a helper the plan says what is missing and how to get it', { skip: noFreezer() }, async () => {
    using dir = folder();
    await using scene = await frozenScene();
    const file = dir.file('freeze.yaml', scene.text);
    await using running = new Running(REAL, ['plan', file], { FIREBREAK_HELPER: join(dir.path, 'none.sock'), FIREBREAK_HOME: join(dir.path, 'state') });
    assert.equal(await running.code(), 4);
    assert.match(running.out.replaceAll(/\s+/g, ' '), /cannot run here: it needs root, and no helper is there to do it \(sudo firebreak helper\)/);
  });
});

async function kill(dying: readonly string[], engine: Child, helper: Running): Promise<void> {
  if (dying.includes('helper')) helper.child.kill('SIGKILL');
  if (dying.includes('engine')) await engine.kill();
  if (dying.includes('helper')) await helper.code();
}
