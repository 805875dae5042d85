/** Where things stand on a grid of 12 columns. Pure; every function gives a layout without overlaps, compacted upward. */

export const COLUMNS = 12;
/** The tallest widget, in rows. */
export const MOST_ROWS = 60;

/** In cells, from the left top. */
export interface Place {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
interface Least {
  readonly w: number;
  readonly h: number;
}

export const overlap = (a: Place, b: Place): boolean =>
  a.id !== b.id && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(Math.round(value), low), Math.max(low, high));
const byRow = (a: Place, b: Place): number => a.y - b.y || a.x - b.x || (a.id < b.id ? -1 : 1);

/** Makes a place fit the grid: whole cells, within the columns, no smaller than `least`. */
export function fit<P extends Place>(place: P, least: Least = { w: 1, h: 1 }): P {
  const w = clamp(place.w, Math.min(least.w, COLUMNS), COLUMNS);
  return {
    ...place,
    w,
    h: clamp(place.h, least.h, MOST_ROWS),
    x: clamp(place.x, 0, COLUMNS - w),
    y: Math.max(0, Math.round(place.y)),
  };
}

/**
 * Lifts everything as far up as it goes, in reading order; what overlaps goes below. Doing it twice changes nothing
 * more. The order of the list is kept.
 */
export function compact<P extends Place>(places: readonly P[]): P[] {
  return settle(places.map((place) => fit(place)));
}

/** `first` stays where it is; the others make room for it. */
function settle<P extends Place>(places: readonly P[], first?: P): P[] {
  const done = new Map<string, P>();
  if (first !== undefined) done.set(first.id, first);
  for (const place of places.toSorted(byRow)) {
    if (place.id !== first?.id) done.set(place.id, settled(place, [...done.values()], first));
  }
  return places.map(({ id }) => done.get(id)!);
}

/** As far up as it goes from where it is; when that is taken, above the first if there is room, else in the first free row below. */
function settled<P extends Place>(place: P, others: readonly P[], first: P | undefined): P {
  const at = (y: number): P => ({ ...place, y });
  const free = (y: number): boolean => y >= 0 && !others.some((other) => overlap(at(y), other));
  let { y } = place;
  if (first !== undefined && overlap(place, first) && free(first.y - place.h)) y = first.y - place.h;
  while (!free(y)) y++;
  while (free(y - 1)) y--;
  return at(y);
}

/**
 * Puts one thing where it is wanted: what is in its way moves down, then everything rises. Unknown ids change nothing
 * but the compaction.
 * @param least its smallest size, in cells.
 */
export function put<P extends Place>(places: readonly P[], wanted: Place, least?: Least): P[] {
  const moved = places.map((place) => {
    if (place.id !== wanted.id) return fit(place);
    const { x, y, w, h } = fit(wanted, least);
    return { ...place, x, y, w, h };
  });
  return compact(
    settle(
      moved,
      moved.find(({ id }) => id === wanted.id),
    ),
  );
}

/** How a press of an arrow changes a place. */
export type Step = Readonly<Partial<Record<'x' | 'y' | 'w' | 'h', -1 | 1>>>;

/**
 * The next place in a direction that makes a difference to the layout: one press of a key must always show. The same
 * place when there is none.
 * @param wanted where the thing was last wanted, which may be elsewhere than where the layout lets it be.
 */
export function stepped(places: readonly Place[], wanted: Place, step: Step, least?: Least): Place {
  const now = JSON.stringify(put(places, wanted, least));
  for (let count = 1; count <= MOST_ROWS; count++) {
    const next = fit(
      {
        id: wanted.id,
        x: wanted.x + count * (step.x ?? 0),
        y: wanted.y + count * (step.y ?? 0),
        w: Math.min(wanted.w + count * (step.w ?? 0), COLUMNS - wanted.x),
        h: wanted.h + count * (step.h ?? 0),
      },
      least,
    );
    if (JSON.stringify(put(places, next, least)) !== now) return next;
  }
  return wanted;
}

/** Adds a thing at its place, pushing down what is there; without a place, at the first gap that holds it. */
export function add<P extends Place>(places: readonly P[], added: P, least?: Least): P[] {
  const others = places.filter(({ id }) => id !== added.id);
  return put([...others, added], added, least);
}

/** The first gap of that size, in reading order. */
export function gapFor(places: readonly Place[], w: number, h: number): Omit<Place, 'id'> {
  const size = fit({ id: '', x: 0, y: 0, w, h });
  for (let y = 0; ; y++) {
    for (let x = 0; x + size.w <= COLUMNS; x++) {
      const gap = { ...size, x, y };
      if (!places.some((place) => overlap(gap, place))) return { x, y, w: size.w, h: size.h };
    }
  }
}

export function remove<P extends Place>(places: readonly P[], id: string): P[] {
  return compact(places.filter((place) => place.id !== id));
}

/** In the order in which one reads: what the keyboard and a narrow screen follow. */
export const inReadingOrder = <P extends Place>(places: readonly P[]): P[] => places.toSorted(byRow);
export const rowsOf = (places: readonly Place[]): number => Math.max(0, ...places.map(({ y, h }) => y + h));
