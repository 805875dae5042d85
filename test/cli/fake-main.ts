import { runCli } from '../../engine/cli/program.ts';
import { fakeParts } from './fake-engine.ts';

/** The real command line over the engine of fake-engine.ts, as a process. */
process.exit(await runCli(process.argv.slice(2), fakeParts, '0.0.0-test'));
