import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type ProcessIdentity, stateOf } from '../identity.ts';
import { argument, holdLifeline, report } from './lifeline.ts';

/**
 * Runs strace on processes and counts what it injected. Started by host/call-errors.ts with --trace (the arguments of
 * strace as JSON), --targets (the processes, as JSON), --mark, --token and --hold. Ends strace when whoever started it is gone; strace lets go of what it traces.
 */

/** How often what was struck is told, in milliseconds. */
const TELL = 200;
/** A call that strace has changed. */
const STRUCK = /\(INJECTED\)|\(DELAYED\)/;

// As late as can be: strace knows pids alone.
const pids = (JSON.parse(argument('targets')) as ProcessIdentity[]).filter((one) => stateOf(one) !== 'dead').map(({ pid }) => pid);
if (pids.length === 0) {
  report({ problem: 'the processes have ended' });
  process.exit(0);
}
// It carries its mark as a variable for a program that it never starts: so strace itself can be found and ended.
const strace = spawn('strace', ['-E', argument('mark'), ...(JSON.parse(argument('trace')) as string[]), '-p', pids.join(',')], { stdio: ['ignore', 'ignore', 'pipe'] });
let matched = 0;
let struck = 0;
let last = '';
let ready = false;
strace.on('error', (error) => report({ problem: error.message }));
strace.on('exit', (code) => {
  report(ready ? { matched, struck, ended: true } : { problem: last === '' ? `strace ended with ${String(code)}` : last });
  setImmediate(() => process.exit(0));
});
createInterface({ input: strace.stderr }).on('line', (line) => {
  // Its own messages begin with its name.
  if (/^strace: /.test(line)) {
    last = line;
    if (ready || !/: Process \d+ attached/.test(line)) return;
    ready = true;
    report({ ready });
  } else if (/\(.*|resumed>/.test(line) && !/<unfinished \.\.\.>$/.test(line)) {
    matched++;
    if (STRUCK.test(line)) struck++;
  }
});
// Asked to end, strace lets go between two calls. Its reader must be there until then: without one it dies in the middle of a
// call, which then fails with ENOSYS. That is what happens should this process be killed with -9.
holdLifeline(undefined, () => strace.kill('SIGTERM'))();
setInterval(() => report({ matched, struck }), TELL);
