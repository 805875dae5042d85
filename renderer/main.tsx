import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './styles/tokens.css';
import './styles/base.css';
import './ui/nonce.ts';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { pickBridge } from './bridge/pick.ts';
import { followRestarts } from './stores/aftermath.ts';
import { stayConnected } from './stores/connection.ts';
import { followElsewhere } from './stores/elsewhere.ts';
import { followEvents } from './stores/events.ts';
import { followFrames } from './stores/frames.ts';
import { listenToKeys } from './stores/actions.ts';
import { obeyDesktop } from './stores/desktop-actions.ts';
import { followRuns } from './stores/runs.ts';
import { applyPreferences } from './stores/preferences.ts';

// Before anything reads the address: the bridge takes the token out of it.
const bridge = pickBridge();
applyPreferences();
listenToKeys();
obeyDesktop();
followFrames();
// Before the events of the new engine, which begin another count.
followRestarts();
followEvents();
followRuns();
followElsewhere();
void stayConnected(bridge);

const room = document.getElementById('room');
if (room === null) throw new Error('the page has no place for the room');
createRoot(room).render(<App />);
