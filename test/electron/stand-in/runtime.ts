import { type Chromium } from './cdp.ts';

/** What the parts of the stand-in share: the browser, once it runs. */
const chromium: PromiseWithResolvers<Chromium> = Promise.withResolvers();

export const theChromium = (): Promise<Chromium> => chromium.promise;
export const setChromium = (running: Chromium): void => chromium.resolve(running);

/** An event that its listeners may prevent, as Electron gives it. */
export class Preventable {
  defaultPrevented = false;
  constructor(details: Record<string, unknown> = {}) {
    Object.assign(this, details);
  }
  preventDefault(): void {
    this.defaultPrevented = true;
  }
}
