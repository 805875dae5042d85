import { type App, type BrowserWindow, powerMonitor } from 'electron';
import { realClock } from '../engine/kernel/clock.ts';
import { EXIT, messageOf } from '../engine/kernel/errors.ts';

/** Longest that quitting waits for the revert, milliseconds; what is still open then is reverted by the watchdog. */
const REVERT_WITHIN = 15_000;

export interface Leaving {
  /** True once the program is on its way out. */
  readonly started: boolean;
  /** The page refused to be left: the program stays. */
  cancel(): void;
  /** Reverts and exits, without asking the page. */
  now(code: number): Promise<void>;
}

export interface LeavingDeps {
  /** Ends the engine and the demo, reverting every fault. */
  readonly end: () => Promise<void>;
  /** Called when the end begins: nothing may look alive that is not. */
  readonly ending: () => void;
}

/** However the program is told to end (menu, tray, last window, signal, shutdown), it reverts first. */
export function revertOnQuit(app: App, { end, ending }: LeavingDeps): Leaving {
  let started = false;
  let exiting: Promise<void> | undefined;
  const exit = async (code: number): Promise<void> => {
    started = true;
    ending();
    const late = realClock
      .sleep(REVERT_WITHIN)
      .then(() => `not everything was reverted within ${REVERT_WITHIN / 1_000} s; the watchdog reverts the rest`);
    const problem = await Promise.race([end().then(() => '', messageOf), late]);
    if (problem !== '') process.stderr.write(`firebreak: ${problem}\n`);
    app.exit(problem === '' ? code : EXIT.residue);
  };
  const now = (code: number): Promise<void> => (exiting ??= exit(code));
  app.on('before-quit', () => (started = true));
  app.on('will-quit', (event) => {
    event.preventDefault();
    void now(EXIT.held);
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void now(EXIT.held));
  process.on('uncaughtException', (error) => {
    process.stderr.write(`firebreak: ${error.stack ?? error.message}\n`);
    void now(EXIT.failure);
  });
  // Linux and macOS: the session ends, and waits for who asks it to.
  powerMonitor.on('shutdown', ((event: { preventDefault(): void }) => {
    event.preventDefault();
    void now(EXIT.held);
  }) as unknown as () => void);
  return {
    get started() {
      return started;
    },
    cancel: () => {
      if (exiting === undefined) started = false;
    },
    now,
  };
}

/** Windows ends a session without waiting: what can be sent is sent. */
export function haltOnSessionEnd(window: BrowserWindow, halt: () => void): void {
  window.on('session-end', halt);
}
