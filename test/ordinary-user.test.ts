import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { manifests } from '../engine/faults/manifests.ts';
import { networkManifest } from '../engine/faults/network/manifest.ts';
import { missingPrograms } from '../engine/host/server-process.ts';
import { realClock } from '../engine/kernel/clock.ts';
import { temporary } from '../engine/lifecycle/test-parts.ts';
import { openJournal } from '../engine/store/journal.ts';
import { REAL, Running } from './cli/process.ts';
import { eventually, logOf } from './crash/harness.ts';
import { type Scene } from './crash/scenes.ts';
import { endShared } from './crash/shared.ts';
import { AS_USER, CASES, folderOfUser, USER } from './ordinary-user-cases.ts';
import { type Order, type Said } from './ordinary-user-words.ts';

/** Everything that Firebreak does to the machine, by the engine of an ordinary user and a helper that is root. */

const skip = process.geteuid?.() === 0 ? missingPrograms('setpriv') : 'the helper can only be started by root';
const STRANGER = '65533';
/** How long what is done may take to show, on a machine that has much to do; milliseconds. */
const SEEN_WITHIN = 20_000;
const appears = (visible: () => Promise<boolean>): Promise<boolean> => eventually('it is in the world', visible, SEEN_WITHIN).then(() => true, () => false);

/** What the types of the machine do that have no field `action`, by their fields. */
const EFFECTS: Readonly<Record<string, readonly string[]>> = {
  network: Object.keys(networkManifest.params.shape).filter((field) => field !== 'probe' && field !== 'allowWhole'),
  resource: ['cpuLoad', 'ramMB', 'ramChunkMB', 'ramSpike', 'memoryLimitMB', 'cpuLimit', 'pidsLimit', 'dropCaches'],
};
const plain = (word: string): string => word.replaceAll('_', '').toLowerCase();
/** Everything that the faults of the machine can do, as `type: what`. */
function allDeeds(): readonly string[] {
  return Object.values(manifests).filter(({ layer }) => layer === 'host').flatMap(({ type, params }) => {
    const { action } = z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }).properties as Record<string, { readonly enum?: readonly string[] }>;
    const deeds = EFFECTS[type] ?? action?.enum;
    if (deeds === undefined) throw new Error(`it is not known what ${type} does`);
    return deeds.map((deed) => `${type}: ${plain(deed)}`);
  });
}
/** What the policies of a file do, in the same words. */
function deedsIn(text: string): readonly string[] {
  const { policies } = parse(text) as { readonly policies: readonly ({ readonly type: keyof typeof manifests } & Record<string, unknown>)[] };
  return policies.flatMap(({ type, ...fields }) => {
    const { action } = manifests[type].params.parse(EFFECTS[type] === undefined && 'action' in fields ? { action: fields['action'] } : {}) as { readonly action?: string };
    return (action === undefined ? Object.keys(fields) : [action]).map((deed) => `${type}: ${plain(deed)}`);
  });
}

describe('an ordinary user with the helper', { skip, timeout: 600_000 }, () => {
  const dir = temporary();
  const env = { FIREBREAK_HELPER: join(dir.path, 'helper.sock'), FIREBREAK_HELPER_STATE: join(dir.path, 'helper') };
  let home = '';
  let helper: Running;
  let engine: ChildProcess;
  let heard: AsyncIterator<string>;
  let errors = '';
  before(async () => {
    chmodSync(dir.path, 0o711);
    home = folderOfUser(join(dir.path, 'home'));
    helper = new Running(REAL, ['helper', '--uid', String(USER)], env);
    await helper.says(/serving user/);
    const [program, ...args] = [...AS_USER, process.execPath, '--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'ordinary-user-child.ts'), join(home, 'state')];
    engine = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env, HOME: home } });
    engine.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
    if (engine.stdout !== null) heard = createInterface({ input: engine.stdout })[Symbol.asyncIterator]();
    assert.equal((await says()).what, 'ready');
  });
  after(async () => {
    const gone = engine.exitCode === null && once(engine, 'exit');
    engine.stdin?.end();
    await gone;
    await helper[Symbol.asyncDispose]();
    await endShared();
    dir[Symbol.dispose]();
  });

  async function says(): Promise<Said> {
    const line = await heard.next();
    if (line.done === true) throw new Error(`the engine ended: ${errors}`);
    return JSON.parse(line.value) as Said;
  }
  const tell = (order: Order): void => void engine.stdin?.write(`${JSON.stringify(order)}\n`);
  /** The life of one fault; `look` is called while it is held. */
  async function hold(scene: Scene, look: () => Promise<void>): Promise<{ readonly [What in Said['what']]?: Extract<Said, { what: What }> }> {
    tell({ order: 'hold', text: scene.text, env: { ...scene.env } });
    const story: { [what: string]: Said } = {};
    for (let said = await says(); ; said = await says()) {
      story[said.what] = said;
      if (said.what === 'failed' || said.what === 'closed') return story;
      if (said.what !== 'held') continue;
      await look();
      tell({ order: 'end' });
    }
  }
  const heldByHelper = (): number => {
    using journal = openJournal(env.FIREBREAK_HELPER_STATE, realClock);
    return journal.open().length;
  };

  const done = new Set<string>();
  for (const { name, skip: why, helped, seen, scene: makeScene } of CASES) {
    test(`${name}: can be had, delivered, and taken back ${helped ? 'by the helper' : 'without it'}`, { skip: why, timeout: 90_000 }, async () => {
      await using scene = await makeScene();
      let [holding, there] = [-1, false];
      const { planned, held, closed, failed } = await hold(scene, async () => {
        holding = heldByHelper();
        there = seen && (await appears(scene.visible));
      });
      const more = `${failed?.why ?? ''} ${JSON.stringify(closed ?? held)} ${helper.err} ${logOf(env.FIREBREAK_HELPER_STATE)}`;
      const count = (scene.text.match(/- \{ name:/g) ?? []).length;
      assert.deepEqual(planned?.unavailable, Array.from({ length: count }, () => ''), more);
      assert.deepEqual(held?.faults.map(({ effect }) => effect.bitten), Array.from({ length: count }, () => true), more);
      assert.equal(holding, helped ? count : 0, 'what needs no root is done without it');
      assert.equal(there, seen, `it can be seen in the world ${more}`);
      assert.deepEqual([closed?.faults.map(({ state, reverted }) => [state, reverted]), closed?.open, heldByHelper()], [Array.from({ length: count }, () => ['clean', true]), 0, 0], more);
      await eventually('all is as before', scene.intact, SEEN_WITHIN);
      for (const deed of deedsIn(scene.text)) done.add(deed);
    });
  }

  test('nothing that the faults of the machine can do is left out', { skip: CASES.find(({ skip: why }) => why)?.skip ?? false }, () => {
    assert.deepEqual(allDeeds().filter((deed) => !done.has(deed)), []);
  });

  test('what the engine of a user has made belongs to the user', () => {
    const made = readdirSync(home, { recursive: true, encoding: 'utf8' });
    assert.ok(made.some((path) => /journal/.test(path)), made.join());
    assert.deepEqual(made.filter((path) => lstatSync(join(home, path)).uid !== USER), []);
  });

  test('nobody but this user is served, whatever the file system allows', async () => {
    chmodSync(env.FIREBREAK_HELPER, 0o666);
    const script = `
      const socket = require('net').connect(process.argv[1]);
      socket.on('connect', () => socket.write('m{"id":1,"kind":"query","name":"about","input":{"pid":1}}\\n'));
      socket.on('data', (bytes) => process.stdout.write(bytes)).on('error', () => {}).on('close', () => console.log('closed'));`;
    const [program = '', ...rest] = AS_USER.map((word) => (word === String(USER) ? STRANGER : word));
    const stranger = spawn(program, [...rest, process.execPath, '-e', script, env.FIREBREAK_HELPER], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    stranger.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await once(stranger, 'close');
    chmodSync(env.FIREBREAK_HELPER, 0o600);
    assert.match(said, /closed\n$/);
    assert.doesNotMatch(said, /"version"/);
  });
});
