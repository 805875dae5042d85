import { type Line } from '../../stores/lines.ts';

/** Where the line with this number stands, or -1. Lines rise by their numbers, with gaps. */
export function indexOf(lines: readonly Pick<Line, 'n'>[], n: number): number {
  let [low, high] = [0, lines.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = lines[middle]?.n ?? Number.POSITIVE_INFINITY;
    if (found === n) return middle;
    if (found < n) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The last `most` indexes of a list of `count`. */
export function lastOf(count: number, most: number): number[] {
  const first = Math.max(0, count - most);
  return Array.from({ length: count - first }, (_, index) => first + index);
}

/** Where a key takes the selection from `at` (-1: nowhere, which counts as behind the end); undefined for another key or an empty list. */
export function stepped(key: string, at: number, count: number, page: number): number | undefined {
  if (count === 0) return undefined;
  const from = at < 0 ? count : at;
  const within = (to: number): number => Math.max(0, Math.min(count - 1, to));
  switch (key) {
    case 'ArrowUp':
      return within(from - 1);
    case 'ArrowDown':
      return within(from + 1);
    case 'PageUp':
      return within(from - page);
    case 'PageDown':
      return within(from + page);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}

/** How far to scroll so that a row is in view, moving no further than needed. The head covers one row. All in pixels. */
export function scrolledFor(index: number, row: number, top: number, height: number): number {
  const above = index * row;
  const below = above + 2 * row - height;
  return top > above ? above : top < below ? below : top;
}
