import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the scripts of test/lab put the servers that no distribution packages. */
export const LAB = process.env['FIREBREAK_LAB'] ?? join(homedir(), '.cache', 'firebreak-lab');
