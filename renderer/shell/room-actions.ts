import { useMemo } from 'react';
import { type Action, useOffer } from '../stores/actions.ts';
import { go } from '../stores/place.ts';
import { usePreferences } from '../stores/preferences.ts';
import { VIEWS } from '../views/views.ts';
import { openOverlay } from './shell.ts';

/** What can be done anywhere in the room. */
export function useRoomActions(): void {
  const { theme, presenter, discreet, clock } = usePreferences();
  const actions = useMemo((): readonly Action[] => {
    const set = usePreferences.setState;
    return [
      {
        id: 'palette',
        title: 'Command palette',
        group: 'Room',
        keys: 'mod+k',
        always: true,
        run: () => openOverlay('palette'),
      },
      { id: 'keys', title: 'Show all keys', group: 'Room', keys: '?', run: () => openOverlay('keys') },
      ...VIEWS.map(({ id, title, keys }): Action => ({
        id: `go-${id}`,
        title,
        group: 'Go to',
        keys,
        run: () => go(id),
      })),
      {
        id: 'presenter',
        title: presenter ? 'Leave presenter mode' : 'Presenter mode: large type',
        group: 'Room',
        keys: 'v p',
        run: () => set({ presenter: !presenter }),
      },
      {
        id: 'discreet',
        title: discreet ? 'Show hosts and payloads' : 'Hide hosts and payloads',
        group: 'Room',
        keys: 'v h',
        run: () => set({ discreet: !discreet }),
      },
      {
        id: 'theme',
        title: theme === 'light' ? 'Dark theme' : 'Light theme',
        group: 'Room',
        keys: 'v t',
        run: () => set({ theme: theme === 'light' ? 'dark' : 'light' }),
      },
      { id: 'theme-system', title: 'Theme of the system', group: 'Room', run: () => set({ theme: 'system' }) },
      {
        id: 'clock',
        title: clock === 'utc' ? 'Times in local time' : 'Times in UTC',
        group: 'Room',
        keys: 'v c',
        run: () => set({ clock: clock === 'utc' ? 'local' : 'utc' }),
      },
      { id: 'welcome', title: 'Show the welcome', group: 'Room', run: () => set({ welcomed: false }) },
    ];
  }, [theme, presenter, discreet, clock]);
  useOffer(actions);
}
