import { fileURLToPath } from 'node:url';
import { spawnNode } from './host/spawn.ts';

const ENTRY = fileURLToPath(new URL('./cli/watchdog.ts', import.meta.url));

/** Starts the watchdog of a state directory, detached. */
export const spawnWatchdogFor = (stateDir: string) => () => spawnNode(ENTRY, [stateDir], { role: 'watchdog', detached: true });
