import { type Bridge } from './bridge.ts';
import { browserBridge } from './browser.ts';

/** The one place that tells hosts apart. */
export function pickBridge(): Bridge {
  return browserBridge();
}
