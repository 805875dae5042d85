import { type Port } from '../../engine/contract/envelope.ts';

/** Without a message for this long an engine that tells ten frames a second is stopped, or too busy to be relied on, milliseconds. */
export const SILENCE = 3_000;
/** How often it is looked, milliseconds. */
const LOOK = 500;
/** A look that comes this late says that this page stood still (a sleeping machine, a throttled tab), milliseconds. */
const LATE = 1_500;

/**
 * The same port, watched: calls back with the wall-clock time of the last message when nothing has come for `SILENCE`, and
 * with undefined when something comes again. The connection is left alone: a stopped engine may go on.
 */
export function watchSilence(port: Port, changed: (since: number | undefined) => void, signal: AbortSignal): Port {
  let heard = performance.now();
  let looked = heard;
  let silent = false;
  const look = setInterval(() => {
    const now = performance.now();
    // What came meanwhile waits to be read: what was not listened to is no silence.
    if (now - looked > LATE) heard = now - SILENCE / 2;
    looked = now;
    if (silent || now - heard < SILENCE) return;
    silent = true;
    changed(Date.now() - (now - heard));
  }, LOOK);
  signal.addEventListener('abort', () => clearInterval(look), { once: true });
  return {
    ...port,
    onMessage: (listener) =>
      port.onMessage((text) => {
        heard = performance.now();
        if (silent) {
          silent = false;
          changed(undefined);
        }
        listener(text);
      }),
  };
}
