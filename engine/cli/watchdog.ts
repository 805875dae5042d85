import { watch } from '../watchdog.ts';

/** The entry of the detached watchdog: `watchdog.ts STATE_DIR`. Started by the engine, never by hand. */
await watch(process.argv[2] ?? '');
process.exit();
