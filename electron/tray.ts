import { join } from 'node:path';
import { Menu, Tray, nativeImage } from 'electron';
import { type EngineStatus } from '../engine/contract/models.ts';
import { messageOf } from '../engine/kernel/errors.ts';

const ICONS = join(import.meta.dirname, '..', 'assets', 'icons');

export interface TrayDeps {
  readonly platform: NodeJS.Platform;
  readonly show: () => void;
  readonly halt: () => void;
  readonly quit: () => void;
}
export interface RoomTray extends Disposable {
  update(line: string): void;
}

/** The tray's icon with the state of things and HALT. @returns the reason when this desktop has no tray. */
export function createTray({ platform, show, halt, quit }: TrayDeps): RoomTray | string {
  try {
    const icon = nativeImage.createFromPath(join(ICONS, platform === 'darwin' ? 'trayTemplate.png' : '32x32.png'));
    const tray = new Tray(icon);
    tray.on('click', show);
    const update = (line: string): void => {
      tray.setToolTip(`Firebreak: ${line}`);
      tray.setContextMenu(
        Menu.buildFromTemplate([
          { id: 'status', label: line, enabled: false },
          { type: 'separator' },
          { id: 'halt', label: 'HALT: end every fault', click: halt },
          { type: 'separator' },
          { id: 'show', label: 'Show the room', click: show },
          { id: 'quit', label: 'Revert and quit', click: quit },
        ]),
      );
    };
    update('starting');
    return { update, [Symbol.dispose]: () => tray.destroy() };
  } catch (error) {
    return messageOf(error);
  }
}

/** The state of things in a few words. */
export function statusLine({ faults, experiment, halted }: EngineStatus): string {
  const count = (state: string): number => faults.filter((fault) => fault.state === state).length;
  const unconfirmed = count('unconfirmed');
  const active = count('active') + count('injecting');
  const reverting = count('reverting');
  const words = [
    ...(experiment === null ? [] : [`experiment ${experiment.name}`]),
    ...(active === 0 ? [] : [`${active} ${active === 1 ? 'fault' : 'faults'} active`]),
    ...(reverting === 0 ? [] : [`${reverting} reverting`]),
    ...(unconfirmed === 0 ? [] : [`${unconfirmed} unconfirmed`]),
  ];
  return words.length === 0 ? (halted ? 'halted, nothing injected' : 'nothing injected') : words.join(', ');
}
