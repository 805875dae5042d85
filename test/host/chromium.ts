import { accessSync, constants } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PATH = process.env['FIREBREAK_CHROMIUM'] ?? '/usr/bin/chromium';

/** Why tests with a real browser are skipped here; false when they run. */
export const NO_CHROMIUM: string | false = (() => {
  try {
    accessSync(PATH, constants.X_OK);
    return false;
  } catch {
    return `there is no Chromium at ${PATH}; install it, or say where it is in FIREBREAK_CHROMIUM`;
  }
})();

/** A browser of this test's own; closed with it. `evil.test` is this machine, as after DNS rebinding. */
export async function openChromium(): Promise<{ readonly browser: Browser } & AsyncDisposable> {
  const browser = await chromium.launch({
    executablePath: PATH,
    args: ['--no-sandbox', '--host-resolver-rules=MAP evil.test 127.0.0.1'],
  });
  return { browser, [Symbol.asyncDispose]: () => browser.close() };
}
