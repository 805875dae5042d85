import { writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { availableMB, othersRamMB, reserveMB } from '../memory-facts.ts';
import { argument, holdLifeline, report } from './lifeline.ts';

/**
 * Takes memory and touches every page of it. Started by host/memory.ts with --cap (MB it may ever hold), --chunk (MB at
 * a time), --interval (ms between two chunks; 0 = all at once), --spike (ms that a chunk is held; 0 = for good), --token and --hold. Begins when it is told `go`, so that
 * its own size can be measured before.
 */
const PAGE = 4_096;
/** One allocation; small enough to look at the reserve in between, large enough to come straight from the system. */
const PIECE_MB = 16;
const pieces: Uint8Array[] = [];
let held = 0;
let limit = '';

// Without being told to, the runtime may take minutes to collect what is not used any more.
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

try {
  // When memory runs out after all, the kernel takes this process first (proc_pid_oom_score_adj(5)).
  writeFileSync('/proc/self/oom_score_adj', '1000');
} catch {
  // not Linux
}

const asked = Number(argument('cap'));
const chunk = Number(argument('chunk'));
const interval = Number(argument('interval'));
const spike = Number(argument('spike'));

/** Allocates and touches `size` MB; `seed` makes the contents differ, so that nothing can merge or compress them away. */
function touched(size: number, seed: number): Uint8Array {
  const piece = new Uint8Array(size * 1_048_576);
  const view = new DataView(piece.buffer);
  for (let at = 0, n = seed; at < piece.length; at += PAGE, n++) view.setUint32(at, n + 1);
  return piece;
}

let takes = 0;
function take(mb: number): void {
  report({ takes: ++takes });
  // What others hold is read here again: two may have been started at the same time, each unseen by the other.
  const cap = Math.min(asked, Math.max(0, Number(argument('ceiling')) - othersRamMB(process.pid)));
  let left = Math.min(mb, cap - held);
  if (left < mb && cap < asked) limit = 'ceiling';
  while (left > 0) {
    const size = Math.min(left, PIECE_MB);
    if (availableMB() - size < reserveMB()) {
      limit = 'reserve';
      break;
    }
    pieces.push(touched(size, held * 256));
    held += size;
    left -= size;
  }
  report({ done: takes, held, limit });
}

/** Ends a spike; the next one follows. Large pieces go back to the system as soon as they are collected. */
function giveBack(): void {
  pieces.length = 0;
  held = 0;
  collect();
  report({ held });
  setTimeout(() => {
    take(chunk);
    setTimeout(giveBack, spike);
  }, interval);
}

let going = false;
const begin = holdLifeline((line) => {
  if (line !== 'go' || going) return;
  going = true;
  begin();
  take(chunk);
  if (spike > 0) setTimeout(giveBack, spike);
  else if (interval > 0) setInterval(() => take(chunk), interval);
});
// What the runtime needs for the work itself is taken now, so that it does not count as part of the attack.
for (let round = 0; round < 3; round++) pieces.push(touched(1, availableMB() + othersRamMB(process.pid)));
pieces.length = 0;
report({ ready: true });
