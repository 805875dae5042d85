import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Boundary } from '../../engine/lifecycle/models.ts';
import { folder, REAL, Running } from '../cli/process.ts';
import { NEEDS_ROOT, OFTEN, SKIP } from './all-scenes.ts';
import { BUSY_MACHINE, eventually } from './harness.ts';
import { DYING, helped, killBesideHelper, killHelperAt } from './kill-helped.ts';
import { frozenScene, noFreezer } from './scenes.ts';

/** `npm run residue` goes through all boundaries, those that the helper stands at as well. */
const WHEN: readonly Boundary[] = ['planned', 'journaled', 'injected', 'bitten', 'reverting'];
const IN_HELPER: readonly (readonly [Boundary, 'helper' | 'both'])[] = [['journaled', 'both'], ['injected', 'helper'], ['reverting', 'helper'], ['undone', 'both']];

const skip = process.geteuid?.() === 0 ? false : 'the helper can only be started by root';

describe('the helper', { timeout: 600_000, skip }, () => {
  for (const dying of DYING) {
    for (const when of WHEN) test(`${dying} killed with -9 when "${when}": nothing is left`, { skip: noFreezer() }, () => killBesideHelper(frozenScene, when, dying));
  }
  for (const [when, dying] of IN_HELPER) {
    test(`the helper as it stands at "${when}" itself, ${dying === 'both' ? 'and its engine, ' : ''}killed with -9: nothing is left`, { skip: noFreezer() }, () => killHelperAt(frozenScene, when, dying));
  }
  for (const [fault, makeScene] of Object.entries(OFTEN).filter(([name]) => NEEDS_ROOT.includes(name) && name !== 'frozen process')) {
    test(`${fault}: engine and helper killed with -9 while it bites: nothing is left`, { skip: SKIP[fault] ?? false }, () => killBesideHelper(makeScene, 'bitten', 'both'));
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
