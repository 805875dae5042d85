import { create } from 'zustand';

/** Where in the room one is: the first word is the view, the rest is the view's. Kept in the address, so that a reload stays. */
export interface Place {
  readonly view: string;
  readonly rest: readonly string[];
}

const read = (): Place => {
  const [view = '', ...rest] = location.hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decodeURIComponent);
  return { view: view === '' || view.includes('=') ? 'board' : view, rest };
};

export const usePlace = create<Place>()(read);
addEventListener('hashchange', () => usePlace.setState(read(), true));

/** Goes to a view, such as `go('runs', 'r-123')`. */
export function go(view: string, ...rest: readonly string[]): void {
  location.hash = `/${[view, ...rest].map(encodeURIComponent).join('/')}`;
}
