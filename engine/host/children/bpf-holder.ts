import { messageOf } from '../../kernel/errors.ts';
import { attach, type Struck } from '../bpf.ts';
import { type Strike } from '../bpf-program.ts';
import { argument, holdLifeline, report } from './lifeline.ts';

/**
 * Keeps BPF programs attached to control groups. Started by host/call-errors.ts with --strikes and --groups (JSON),
 * --token and --hold. The kernel detaches them when this process ends, however it ends.
 */

/** How often what was struck is told, in milliseconds. */
const TELL = 200;

try {
  const strikes = JSON.parse(argument('strikes')) as readonly Strike[];
  const groups = JSON.parse(argument('groups')) as readonly string[];
  const attached = strikes.map((strike) => attach(strike, groups));
  const begin = holdLifeline();
  const tell = (): void => {
    const all = attached.map((one) => one.counted());
    const sum = (of: keyof Struck): number => all.reduce((total, one) => total + one[of], 0);
    report({ matched: sum('matched'), struck: sum('struck') });
  };
  setInterval(tell, TELL);
  begin();
  report({ ready: true });
} catch (error) {
  report({ problem: messageOf(error) });
  // What was written to a pipe is out before the process ends by itself: nothing keeps it.
}
