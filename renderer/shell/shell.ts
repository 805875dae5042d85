import { create } from 'zustand';

/** Which of the room's own overlays is open. */
export const useShell = create<{ readonly open: 'palette' | 'keys' | 'none' }>()(() => ({ open: 'none' }));
export const closeOverlay = (): void => useShell.setState({ open: 'none' });
