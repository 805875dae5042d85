/** A line-by-line comparison of two texts, for people who look at an earlier version. */

export interface DiffLine {
  readonly kind: 'same' | 'gone' | 'new' | 'skipped';
  readonly text: string;
}

/** Beyond this many edits the rest is shown as replaced whole: telling them apart takes time with the square of it. */
const MOST_EDITS = 2_000;

/** The lines of both texts in one order: `gone` stands only in `before`, `new` only in `after`. Myers' O(ND) algorithm. */
export function diffLines(before: string, after: string): readonly DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const same = (text: string): DiffLine => ({ kind: 'same', text });
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

function middle(a: readonly string[], b: readonly string[]): DiffLine[] {
  const trail: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= Math.min(a.length + b.length, MOST_EDITS); edits++) {
    trail.push(reach);
    const next = new Map(reach);
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const down =
        diagonal === -edits ||
        (diagonal !== edits && (reach.get(diagonal - 1) ?? -1) < (reach.get(diagonal + 1) ?? -1));
      let x = down ? (reach.get(diagonal + 1) ?? 0) : (reach.get(diagonal - 1) ?? 0) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      next.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return backtrack(a, b, trail);
    }
    reach = next;
  }
  return [
    ...a.map((text): DiffLine => ({ kind: 'gone', text })),
    ...b.map((text): DiffLine => ({ kind: 'new', text })),
  ];
}

function backtrack(a: readonly string[], b: readonly string[], trail: readonly Map<number, number>[]): DiffLine[] {
  const lines: DiffLine[] = [];
  let [x, y] = [a.length, b.length];
  for (let edits = trail.length - 1; edits >= 0; edits--) {
    const reach = trail[edits] as Map<number, number>;
    const diagonal = x - y;
    const down =
      diagonal === -edits || (diagonal !== edits && (reach.get(diagonal - 1) ?? -1) < (reach.get(diagonal + 1) ?? -1));
    const from = down ? diagonal + 1 : diagonal - 1;
    const startX = edits === 0 ? 0 : (reach.get(from) ?? 0);
    const startY = edits === 0 ? 0 : startX - from;
    while (x > startX + (down || edits === 0 ? 0 : 1) && y > startY + (down && edits > 0 ? 1 : 0) && x > 0 && y > 0)
      lines.push({ kind: 'same', text: a[(y--, --x)] ?? '' });
    if (edits === 0) break;
    if (down) lines.push({ kind: 'new', text: b[--y] ?? '' });
    else lines.push({ kind: 'gone', text: a[--x] ?? '' });
  }
  return lines.reverse();
}

/** Leaves out unchanged lines that are further than `around` from a change. */
export function folded(lines: readonly DiffLine[], around = 3): readonly DiffLine[] {
  const near = new Array<boolean>(lines.length).fill(false);
  lines.forEach(({ kind }, index) => {
    if (kind !== 'same')
      for (let at = Math.max(0, index - around); at <= Math.min(lines.length - 1, index + around); at++)
        near[at] = true;
  });
  const result: DiffLine[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as DiffLine;
    if (near[at] === true) {
      result.push(line);
      continue;
    }
    let count = 0;
    for (; at < lines.length && near[at] !== true; at++) count++;
    at--;
    result.push({ kind: 'skipped', text: count === 1 ? 'one line as before' : `${count} lines as before` });
  }
  return result;
}
