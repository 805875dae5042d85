import { noFileStrikes } from '../../engine/faults/disk/test-disk.ts';
import { noStage } from '../../engine/faults/dns/test-stage.ts';
import { noWorld } from '../../engine/faults/network/test-world.ts';
import { noFaketime } from '../../engine/faults/time/test-clocked.ts';
import { noDocker } from '../lab/docker.ts';
import { missing } from '../lab/server.ts';
import { clockScene, nameScene } from './clock-and-name-scenes.ts';
import { CONTAINER_SCENES } from './container-scenes.ts';
import { DATABASE_SCENES, DATABASE_SKIP } from './database-scenes.ts';
import { brokenFilesScene, noShortWrites, shortWritesScene } from './file-scenes.ts';
import { callScene, connectScene, noKernel } from './kernel-scenes.ts';
import { filledScene, inodesScene, limitedScene, noDisk, noLimits, readOnlyScene, slowDiskScene } from './machine-scenes.ts';
import { noLateLink, packetScene } from './network-scenes.ts';
import { cachesScene, endedScene, frozenScene, httpScene, noFreezer, processScene, resourceScene, type Scene } from './scenes.ts';
import { WIRE_SCENES, WIRE_SKIP } from './wire-scenes.ts';

/** Every fault that the crash tests know, by what it does. Those that the tests of CI go through at more boundaries than one come first. */
export const OFTEN: Readonly<Record<string, () => Promise<Scene>>> = {
  http: httpScene, resource: () => resourceScene(), process: () => processScene(), 'frozen process': frozenScene, 'refused connections': () => connectScene(), 'broken reads': callScene,
  clock: () => clockScene(), 'clock, by root': () => clockScene(true), 'bad link': () => packetScene(), 'lost names': () => nameScene(false), 'lost names of a process': () => nameScene(true),
  'full disk': filledScene, 'disk without inodes': inodesScene, 'read-only disk': readOnlyScene, 'limited process': () => limitedScene(), 'slow disk': () => slowDiskScene(),
};
export const SCENES: typeof OFTEN = {
  ...OFTEN,
  'processes stopped in rounds': () => processScene('percentage: 60, interval: 200ms'), 'killed process': () => endedScene('kill'), 'terminated process': () => endedScene('terminate'),
  'memory in spikes': () => resourceScene('ram_mb: 64, ram_spike: 300ms, ram_interval: 300ms', 1), 'leaking memory': () => resourceScene('ram_mb: 64, ram_chunk_mb: 8, ram_interval: 200ms', 1),
  'dropped caches': cachesScene, 'process without memory': () => limitedScene('memory_limit_mb: 512'), 'slow reads of a disk': () => slowDiskScene('read_ops: 20, read_rate: 1000'),
  'slow link': () => packetScene('rate: 200kbit'), 'cut link': () => packetScene('partition: drop'), 'rejecting link': () => packetScene('partition: reject'), 'late link': () => packetScene('latency: 300ms, duplication: 0.1, direction: egress'), 'late link, both ways': () => packetScene('latency: 300ms, corruption: 0.1, direction: both'),
  'refused listening': () => connectScene('bind'), 'no sockets': () => connectScene('socket'), 'broken files': brokenFilesScene, 'short writes': shortWritesScene,
  ...WIRE_SCENES, ...CONTAINER_SCENES, ...DATABASE_SCENES,
};
/** The same answer for several of them. */
const each = (why: string | false, ...names: readonly string[]): Record<string, string | false> => Object.fromEntries(names.map((name) => [name, why]));
/** Why one cannot be had here, or false. */
export const SKIP: Readonly<Record<string, string | false>> = {
  ...each(noDisk(), 'full disk', 'disk without inodes', 'read-only disk'), ...each(noLimits(), 'limited process', 'process without memory'), ...each(noDisk() || noLimits(), 'slow disk', 'slow reads of a disk'),
  'frozen process': noFreezer(), 'refused connections': noKernel('connect'), 'refused listening': noKernel('bind'), 'no sockets': noKernel('socket'), 'broken reads': noKernel('call'),
  ...each(noFaketime, 'clock', 'clock, by root'), ...each(noWorld(), 'bad link', 'slow link', 'cut link', 'rejecting link'), ...each(noLateLink(), 'late link', 'late link, both ways'), ...each(noStage, 'lost names', 'lost names of a process'),
  'dropped caches': process.geteuid?.() !== 0 && 'only root may drop the caches', 'broken files': noFileStrikes(), 'short writes': noShortWrites(),
  ...WIRE_SKIP, ...each(noDocker, ...Object.keys(CONTAINER_SCENES)), ...DATABASE_SKIP,
};
/** Those that an engine without root leaves to a helper. */
export const NEEDS_ROOT: readonly string[] = [
  'frozen process', 'refused connections', 'refused listening', 'no sockets', 'broken reads', 'lost names', 'lost names of a process', 'clock, by root', 'bad link', 'slow link', 'cut link', 'rejecting link', 'late link', 'late link, both ways',
  'read-only disk', 'limited process', 'process without memory', 'slow disk', 'slow reads of a disk', 'dropped caches', 'broken files', 'short writes',
  // By a user who may not use the engine's socket.
  ...(missing('setpriv') ? [] : ['paused container', 'stopped container', 'limited container', 'disconnected container']),
];
