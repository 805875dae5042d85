import { EXIT, FirebreakError } from '../kernel/errors.ts';

/** `disconnect` is no signal: the channel to firebreak.mjs closes when that one is killed, the only process that whoever watches over it knows. */
const SIGNALS = { SIGINT: 'Ctrl-C', SIGTERM: 'SIGTERM', SIGHUP: 'the terminal closed', disconnect: 'the end of what started it' } as const;

/** The reader's wish to stop. The first one aborts `signal`; each later one calls `again`, for a word of patience. */
export interface Interrupt extends Disposable {
  readonly signal: AbortSignal;
  /** What it was, in words; '' until it happened. */
  readonly why: string;
  /** Calls back once, at once when it has happened already. */
  whenAsked(callback: (why: string) => void): void;
}

/**
 * Takes SIGINT, SIGTERM and SIGHUP over from Node, whose answer is to end without reverting; and Ctrl-Z, which would
 * stop the traffic of every route for as long as it lasts: it only calls `refused`.
 */
export function listenForInterrupts(again: () => void, refused: () => void): Interrupt {
  const controller = new AbortController();
  let why = '';
  const handlers = Object.entries(SIGNALS).map(([name, words]) => {
    const handler = (): void => {
      if (why !== '') return again();
      why = words;
      controller.abort(new FirebreakError('interrupted', `Stopped by ${words}.`, { exitCode: EXIT.aborted }));
    };
    process.on(name, handler);
    return { name, handler };
  });
  if (process.platform !== 'win32') process.on('SIGTSTP', refused);
  return {
    signal: controller.signal,
    get why() {
      return why;
    },
    whenAsked: (callback) => {
      if (why !== '') callback(why);
      else controller.signal.addEventListener('abort', () => callback(why), { once: true });
    },
    [Symbol.dispose]: () => {
      process.off('SIGTSTP', refused);
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}
