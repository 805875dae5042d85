import { type BrowserWindow, dialog } from 'electron';
import { type HaltOutcome } from '../engine/contract/api.ts';
import { type UnderWay, underWayText } from './engine-host.ts';

export interface ClosingDeps {
  /** What would be lost. */
  readonly underWay: () => Promise<UnderWay>;
  readonly halt: () => Promise<HaltOutcome | null>;
  /** True once the program is on its way out: then nobody is asked. */
  readonly leaving: () => boolean;
  readonly hasTray: boolean;
}

/** Asks before the window closes over faults; closing must be no way to forget them. */
export function askBeforeClosing(window: BrowserWindow, { underWay, halt, leaving, hasTray }: ClosingDeps): void {
  let asking = false;
  let allowed = false;
  const close = (): void => {
    allowed = true;
    window.close();
    // The page may have refused to be left; the next attempt asks anew.
    allowed = false;
  };
  const ask = async (): Promise<void> => {
    const message = underWayText(await underWay());
    if (window.isDestroyed()) return;
    if (message === '') return close();
    const { response } = await dialog.showMessageBox(window, {
      type: 'warning',
      title: 'Firebreak',
      message,
      detail: 'Closing the window does not end them by itself.',
      buttons: [hasTray ? 'Keep running in tray' : 'Keep running in background', 'HALT and close', 'Cancel'],
      defaultId: 2,
      cancelId: 2,
      noLink: true,
    });
    if (window.isDestroyed()) return;
    if (response === 0) return window.hide();
    if (response === 1 && (await haltedOrAgreed(window, await halt()))) close();
  };
  window.on('close', (event) => {
    if (allowed || leaving()) return;
    event.preventDefault();
    if (asking) return;
    asking = true;
    void ask().finally(() => (asking = false));
  });
}

/** After a HALT that left something unconfirmed, the window closes only when a person says so. */
async function haltedOrAgreed(window: BrowserWindow, outcome: HaltOutcome | null): Promise<boolean> {
  const unconfirmed = outcome?.faults.filter(({ reverted }) => !reverted) ?? [];
  if (outcome !== null && unconfirmed.length === 0) return true;
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    message:
      outcome === null
        ? 'HALT failed.'
        : `HALT could not confirm ${unconfirmed.length} of ${outcome.faults.length} targets clean.`,
    detail: unconfirmed
      .map(({ policy, target, note }) => `${policy} on ${target}: ${note === '' ? 'unconfirmed' : note}`)
      .join('\n'),
    buttons: ['Close all the same', 'Stay'],
    defaultId: 1,
    cancelId: 1,
    noLink: true,
  });
  return response === 0 && !window.isDestroyed();
}
