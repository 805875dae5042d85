import { createRequire } from 'node:module';
import type koffiModule from 'koffi';

type Koffi = typeof koffiModule;

let loaded: Koffi | null | undefined;

/** Calls into C, or undefined where its binary is not there (another platform, a package left out). Loaded when first asked for. */
export function koffi(): Koffi | undefined {
  if (loaded === undefined) {
    try {
      loaded = createRequire(import.meta.url)('koffi') as Koffi;
    } catch {
      loaded = null;
    }
  }
  return loaded ?? undefined;
}
