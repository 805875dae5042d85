import { globalShortcut } from 'electron';
import { type HaltOutcome } from '../engine/contract/api.ts';
import { type HaltShortcut } from '../engine/contract/desktop.ts';
import { messageOf } from '../engine/kernel/errors.ts';
import { type EngineHost } from './engine-host.ts';

/** Three keys that no desktop takes for itself, reachable with one hand on most keyboards. */
export const HALT_KEYS = 'CommandOrControl+Shift+F12';

export interface HaltControl {
  /** Ends every injection. @returns null when the engine could not; it has been told then. */
  press(by: string): Promise<HaltOutcome | null>;
  /** Takes the keys from every other program. The outcome is for people: a key that does not work must be known. */
  register(): HaltShortcut;
  readonly shortcut: HaltShortcut;
}

/** HALT as menu, tray and keys reach it: through the engine, whatever the page does. @param failed tells a person. */
export function createHalt(engine: Promise<EngineHost>, failed: (problem: string) => void): HaltControl {
  let shortcut: HaltShortcut = { keys: keysFor(process.platform), problem: 'not registered yet' };
  const press = async (by: string): Promise<HaltOutcome | null> => {
    try {
      const { client } = await engine;
      return await client.command('halt', { by });
    } catch (error) {
      failed(messageOf(error));
      return null;
    }
  };
  return {
    press,
    register: () => {
      shortcut = { ...shortcut, problem: registerKeys(() => void press('global shortcut')) };
      return shortcut;
    },
    get shortcut() {
      return shortcut;
    },
  };
}

/** @returns why the keys do not work; '' when they do. */
function registerKeys(press: () => void): string {
  try {
    if (globalShortcut.register(HALT_KEYS, press)) return '';
    return 'another program has these keys, or this desktop gives no program global keys';
  } catch (error) {
    return messageOf(error);
  }
}

/** As they are printed on the keyboard. */
export function keysFor(platform: NodeJS.Platform): string {
  return HALT_KEYS.replace('CommandOrControl', platform === 'darwin' ? 'Cmd' : 'Ctrl');
}
