import { noStage } from '../../engine/faults/dns/test-stage.ts';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { noFaketime } from '../../engine/faults/time/test-clocked.ts';
import { clockScene, nameScene } from './clock-and-name-scenes.ts';
import { callScene, connectScene, noKernel } from './kernel-scenes.ts';
import { filledScene, inodesScene, limitedScene, noDisk, noLimits, readOnlyScene, slowDiskScene } from './machine-scenes.ts';
import { packetScene } from './network-scenes.ts';
import { frozenScene, httpScene, noFreezer, processScene, resourceScene, type Scene } from './scenes.ts';

/** Every fault that the crash tests know, by what it does. */
export const SCENES: Readonly<Record<string, () => Promise<Scene>>> = {
  http: httpScene, resource: resourceScene, process: processScene, 'frozen process': frozenScene, 'refused connections': connectScene, 'broken reads': callScene,
  clock: () => clockScene(), 'clock, by root': () => clockScene(true), 'bad link': packetScene, 'lost names': () => nameScene(false), 'lost names of a process': () => nameScene(true),
  'full disk': filledScene, 'disk without inodes': inodesScene, 'read-only disk': readOnlyScene, 'limited process': limitedScene, 'slow disk': slowDiskScene,
};
/** Why one cannot be had here, or false. */
export const SKIP: Readonly<Record<string, string | false>> = {
  'full disk': noDisk(), 'disk without inodes': noDisk(), 'read-only disk': noDisk(), 'limited process': noLimits(), 'slow disk': noDisk() || noLimits(),
  'frozen process': noFreezer(), 'refused connections': noKernel('connect'), 'broken reads': noKernel('call'),
  clock: noFaketime, 'clock, by root': noFaketime, 'bad link': noWorld(), 'lost names': noStage, 'lost names of a process': noStage,
};
/** Those that an engine without root leaves to a helper. */
export const NEEDS_ROOT: readonly string[] = ['frozen process', 'refused connections', 'broken reads', 'lost names', 'lost names of a process', 'clock, by root', 'bad link', 'read-only disk', 'limited process', 'slow disk'];
