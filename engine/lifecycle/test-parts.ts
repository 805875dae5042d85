import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { millis } from '../kernel/brands.ts';
import { type Clock, realClock, VirtualClock } from '../kernel/clock.ts';
import { FirebreakError } from '../kernel/errors.ts';
import { type Effect, type FaultRequest, type InjectContext, type Injector, type TargetPlan } from '../kernel/fault.ts';
import { newRunId } from '../kernel/random.ts';
import { openJournal } from '../store/journal.ts';
import { type ProcessMark } from '../store/journal-record.ts';
import { createBus } from '../telemetry/bus.ts';
import { createLifecycle, type LifecycleParts } from './lifecycle.ts';
import { type FaultFacts, type ProcessIdentity } from './models.ts';

/**
 * Parts for the tests of this room: a fault whose targets are directories, so that every change is real and visible.
 */

const folderUndo = z.object({ folder: z.string(), files: z.record(z.string(), z.string()) });
export type FolderUndo = z.infer<typeof folderUndo>;

/** What a test may make go wrong; each is read at the moment it matters. */
export interface Troubles {
  injectHalfWay?: boolean;
  neverBites?: boolean;
  revertFails?: number;
  foreignChange?: boolean;
  unreadable?: boolean;
  /** Held open by the test: the step waits for it, deaf to aborts. */
  injectWaits?: Promise<void>;
  revertWaits?: Promise<void>;
  verifyWaits?: Promise<void>;
  unavailable?: string;
  planThrows?: Error;
  irreversible?: boolean;
  onInject?(context: InjectContext<Record<string, unknown>, FolderUndo>, undo: FolderUndo): void | Promise<void>;
}

/** Spoils every file of a folder (`target` is its path) and restores what was in them. */
export function folderInjector(
  troubles: Troubles = {},
): Injector<Record<string, unknown>, FolderUndo> & { readonly calls: string[] } {
  const calls: string[] = [];
  const read = (undo: FolderUndo, name: string): string => readFileSync(join(undo.folder, name), 'utf8');
  return {
    calls,
    undo: folderUndo,
    unavailable: () => troubles.unavailable ?? '',
    plan: async (request: FaultRequest): Promise<readonly TargetPlan<FolderUndo>[]> => {
      if (troubles.planThrows !== undefined) throw troubles.planThrows;
      if (!existsSync(request.target)) return [];
      const names = readdirSync(request.target).sort();
      const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(request.target, name), 'utf8')]));
      const name = basename(request.target);
      const reversible = troubles.irreversible !== true;
      return [
        {
          target: `folder ${name}`,
          undo: { folder: request.target, files },
          action: `spoil ${name}`,
          inverse: `restore ${name}`,
          reversible,
        },
      ];
    },
    inject: async (undo, context) => {
      calls.push(`inject ${basename(undo.folder)}`);
      for (const [index, name] of Object.keys(undo.files).entries()) {
        writeFileSync(join(undo.folder, name), 'spoiled');
        if (index === 0 && troubles.injectHalfWay === true) throw new Error('the disk went away');
      }
      await troubles.injectWaits;
      context.injected(`spoiled ${undo.folder}`);
      await troubles.onInject?.(context, undo);
    },
    verify: async (undo): Promise<Effect> => {
      await troubles.verifyWaits;
      const spoiled = Object.keys(undo.files).filter((name) => read(undo, name) === 'spoiled').length;
      const bitten = spoiled > 0 && troubles.neverBites !== true;
      const figure = {
        name: 'files',
        unit: 'count',
        requested: Object.keys(undo.files).length,
        delivered: spoiled,
        samples: 1,
      } as const;
      return { bitten, detail: `${spoiled} files spoiled`, figures: [figure] };
    },
    revert: async (undo) => {
      calls.push(`revert ${basename(undo.folder)}`);
      await troubles.revertWaits;
      if ((troubles.revertFails ?? 0) > 0) {
        troubles.revertFails = (troubles.revertFails ?? 0) - 1;
        throw new Error('the disk is away');
      }
      for (const [name, content] of Object.entries(undo.files)) writeFileSync(join(undo.folder, name), content);
      if (troubles.foreignChange === true) writeFileSync(join(undo.folder, 'a'), 'someone else');
    },
    fingerprint: async (undo) => {
      if (troubles.unreadable === true) throw new Error('cannot look');
      return JSON.stringify(
        readdirSync(undo.folder)
          .sort()
          .map((name) => [name, read(undo, name)]),
      );
    },
  };
}

export const folderFacts: FaultFacts = {
  layer: 'host',
  verifyWithin: 1_000,
  platforms: ['linux', 'darwin', 'win32'],
  explain: (_params, target) => `Every file in ${basename(target)} is spoiled.`,
};

/** This process, and whichever others the test says are alive. */
export function fakeIdentity(
  pid = process.pid,
  alive: (mark: ProcessMark) => boolean = (mark) => mark.pid === pid,
): ProcessIdentity {
  return { self: { pid, started: `test-${pid}` }, alive };
}

/** A temporary directory that is gone when disposed. */
export function temporary(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'firebreak-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Makes folders with two files each; `calm` says whether all are as they were. */
export function folders(
  root: string,
  names: readonly string[],
): { readonly paths: readonly string[]; calm(): boolean } {
  const paths = names.map((name) => join(root, name));
  for (const path of paths) {
    mkdirSync(path, { recursive: true });
    for (const file of ['a', 'b']) writeFileSync(join(path, file), `${basename(path)} ${file}`);
  }
  const calm = (): boolean =>
    paths.every((path) =>
      ['a', 'b'].every((file) => readFileSync(join(path, file), 'utf8') === `${basename(path)} ${file}`),
    );
  return { paths, calm };
}

export function requestFor(target: string, policy = basename(target), type = 'folder'): FaultRequest {
  return {
    run: newRunId(),
    policy,
    type,
    target,
    route: '',
    routes: [],
    ignored: [],
    params: {},
    seed: 1,
    hold: millis(60_000),
  };
}

/** A lifecycle over a real journal in `stateDir`, with one fault type `folder` and whatever `parts` replaces. */
export function folderLifecycle(
  stateDir: string,
  troubles: Troubles = {},
  parts: Partial<LifecycleParts> & { readonly clock?: Clock } = {},
) {
  const clock = parts.clock ?? realClock;
  const injector = folderInjector(troubles);
  const bus = createBus(clock);
  const journal = parts.journal ?? openJournal(stateDir, clock);
  const wire = { halted: false, halt: () => void (wire.halted = true), resume: () => void (wire.halted = false) };
  const lifecycle = createLifecycle({
    injectors: { folder: injector as Injector },
    facts: { folder: folderFacts },
    identity: fakeIdentity(),
    wire,
    ...parts,
    bus,
    clock,
    journal,
  });
  return { lifecycle, journal, bus, injector, wire, clock };
}

/** How long `virtualRoom` holds its faults, in milliseconds of virtual time. */
export const HOLD = millis(60_000);

/** A virtual clock whose wall can jump, as when a laptop is closed and opened again. */
export class SleepyClock extends VirtualClock {
  slept = 0;
  override wall(): number {
    return super.wall() + this.slept;
  }
}

/** A lifecycle in virtual time over the folders `one` and `two`. */
export function virtualRoom(troubles: Troubles = {}, parts: Partial<LifecycleParts> = {}) {
  const stack = new DisposableStack();
  const dir = stack.use(temporary());
  const world = folders(dir.path, ['one', 'two']);
  const clock = new SleepyClock();
  const made = folderLifecycle(join(dir.path, 'state'), troubles, { ...parts, clock });
  stack.use(made.journal);
  const requests = () => world.paths.map((path) => requestFor(path));
  const plan = () => made.lifecycle.plan(requests(), forever);
  const start = async () => made.lifecycle.start(await plan(), HOLD, forever);
  return { ...made, clock, world, plan, start, [Symbol.dispose]: () => stack.dispose() };
}

/** For assert.throws and assert.rejects. */
export const hasCode = (expected: string) => (error: unknown) =>
  error instanceof FirebreakError && error.code === expected;

export const forever: AbortSignal = new AbortController().signal;
