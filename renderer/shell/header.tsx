import { Search } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { PHASE_WORDS } from '../../engine/contract/words.ts';
import { keysText } from '../stores/actions.ts';
import { useConnection } from '../stores/connection.ts';
import { elsewhere } from '../stores/elsewhere.ts';
import { useFrames } from '../stores/frames.ts';
import { go, usePlace } from '../stores/place.ts';
import { usePreferences } from '../stores/preferences.ts';
import { Badge, Kbd } from '../ui/controls.tsx';
import { countdown, timeOfDay, zoneName } from '../ui/format.ts';
import { VIEWS } from '../views/views.ts';
import { HaltButton } from './halt.tsx';
import css from './header.module.css';
import { openOverlay } from './shell.ts';
import { summarise } from './summary.ts';

/** Always there: where one is, the state of faults and of the way back, the time, HALT. */
export function Header(): ReactNode {
  return (
    <header className={css['header']}>
      <strong className={css['brand']}>
        <Mark />
        <span>Firebreak</span>
      </strong>
      <Views />
      <State />
      <Phase />
      <Clock />
      <button
        type="button"
        className={css['search']}
        onClick={() => openOverlay('palette')}
        aria-label={`Do … ${keysText('mod+k')}: command palette`}
      >
        <Search size="1em" aria-hidden />
        <span className={css['searchWord']}>Do …</span>
        <Kbd>{keysText('mod+k')}</Kbd>
      </button>
      <HaltButton />
    </header>
  );
}

function Mark(): ReactNode {
  return (
    <svg viewBox="0 0 32 32" className={css['mark']} aria-hidden>
      <path d="M3 27V15c0-4 3-5 3-10c3 2 6 6 6 11v11z" className={css['markFire']} />
      <path d="M20 27V16c0-5 3-9 6-11c0 5 3 6 3 10v12z" className={css['markWood']} />
    </svg>
  );
}

function Views(): ReactNode {
  const { view } = usePlace();
  return (
    <nav className={css['views']} aria-label="Views">
      {VIEWS.map(({ id, title, keys, icon: Icon }) => (
        <button
          key={id}
          type="button"
          className={css['view']}
          aria-current={id === view ? 'page' : undefined}
          title={keysText(keys)}
          onClick={() => go(id)}
        >
          <Icon size="1.05em" aria-hidden />
          <span>{title}</span>
        </button>
      ))}
    </nav>
  );
}

function State(): ReactNode {
  const connection = useConnection(({ state }) => state);
  const held = useConnection(({ status }) => elsewhere(status).held.length);
  const left = useConnection(({ status }) => elsewhere(status).left.length);
  // Compared by its text, so that ten frames a second do not draw it ten times.
  const text = useFrames(({ frame }) => JSON.stringify(summarise(frame, { held, left })));
  const { tone, word, detail } = JSON.parse(text) as ReturnType<typeof summarise>;
  return (
    <div className={css['state']} role="status" aria-label="State of the faults">
      <Badge tone={connection === 'open' ? tone : 'neutral'}>{connection === 'open' ? word : 'Not known'}</Badge>
      <span className={css['detail']} title={detail}>
        {connection === 'open' ? detail : 'no word from the engine'}
      </span>
    </div>
  );
}

function Phase(): ReactNode {
  const phase = useFrames(({ frame }) => frame?.phase ?? null);
  const ends = useFrames(({ frame }) => (frame?.phaseEndsAt == null ? '' : countdown(frame.phaseEndsAt - frame.at)));
  const run = useFrames(({ frame }) => frame?.run ?? '');
  if (phase === null) return null;
  return (
    <button type="button" className={css['phase']} onClick={() => go('runs', run)} title="Show the run">
      <span className={css['detail']}>Run</span> {PHASE_WORDS[phase]} {ends !== '' && <b>{ends}</b>}
    </button>
  );
}

function Clock(): ReactNode {
  const zone = usePreferences(({ clock }) => clock);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    // On the second, so that the clock of the room and that of the wall agree.
    let timer: ReturnType<typeof setTimeout>;
    const tick = (): void => {
      setNow(Date.now());
      timer = setTimeout(tick, 1_000 - (Date.now() % 1_000) + 5);
    };
    tick();
    return () => clearTimeout(timer);
  }, []);
  const other = zone === 'utc' ? 'local' : 'utc';
  return (
    <div className={css['clock']}>
      <span>
        {timeOfDay(now, zone)} <small>{zoneName(now, zone)}</small>
      </span>
      {zoneName(now, other) !== zoneName(now, zone) && (
        <small className={css['detail']}>
          {timeOfDay(now, other)} {zoneName(now, other)}
        </small>
      )}
    </div>
  );
}
