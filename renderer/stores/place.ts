import { create } from 'zustand';

/** Where in the room one is: the first word is the view, the rest is the view's. Kept in the address, so that a reload stays. */
export interface Place {
  readonly view: string;
  readonly rest: readonly string[];
}

/** An address that somebody cut short, such as `#/runs/%E2`, must not keep the room from opening. */
function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

const read = (): Place => {
  const [view = '', ...rest] = location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decoded);
  return { view: view === '' || view.includes('=') ? 'board' : view, rest };
};

export const usePlace = create<Place>()(read);
addEventListener('hashchange', () => usePlace.setState(read(), true));

/** Goes to a view, such as `go('runs', 'r-123')`. */
export function go(view: string, ...rest: readonly string[]): void {
  location.hash = `/${[view, ...rest].map(encodeURIComponent).join('/')}`;
}
