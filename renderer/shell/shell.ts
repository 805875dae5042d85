import { create } from 'zustand';
import { forgetHalt, useHalt } from '../stores/halt.ts';

type Overlay = 'palette' | 'keys';

/** Which of the room's own overlays is open. */
export const useShell = create<{ readonly open: Overlay | 'none' }>()(() => ({ open: 'none' }));
export const closeOverlay = (): void => useShell.setState({ open: 'none' });

/** Opens an overlay. Whoever does has read what the last HALT did: it would lie over the overlay. */
export function openOverlay(open: Overlay): void {
  const { state } = useHalt.getState().halting;
  if (state !== 'halting' && state !== 'rehearsing') forgetHalt();
  useShell.setState({ open });
}
