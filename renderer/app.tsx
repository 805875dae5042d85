import { type ReactNode, Suspense, useEffect } from 'react';
import css from './app.module.css';
import { Banner } from './shell/banner.tsx';
import { Header } from './shell/header.tsx';
import { CheatSheet, Palette } from './shell/palette.tsx';
import { Toasts } from './shell/toasts.tsx';
import { useRoomActions } from './shell/room-actions.ts';
import { Welcome } from './shell/welcome.tsx';
import { useConnection } from './stores/connection.ts';
import { usePlace } from './stores/place.ts';
import { Boundary } from './ui/boundary.tsx';
import { Empty, Loading } from './ui/controls.tsx';
import { VIEWS, type View, loadViews } from './views/views.ts';

/** The other views are fetched only after this, milliseconds: the one that is looked at needs the wire and the page's thread. */
const FIRST_THINGS_FIRST = 1_500;

/** The frame of the room around the view one is in. */
export function App(): ReactNode {
  const { view, rest } = usePlace();
  const everConnected = useConnection(({ engine }) => engine !== '');
  const state = useConnection((connection) => connection.state);
  const why = useConnection((connection) => connection.why);
  useRoomActions();
  useEffect(() => {
    if (!everConnected) return;
    const timer = setTimeout(loadViews, FIRST_THINGS_FIRST);
    return () => clearTimeout(timer);
  }, [everConnected]);
  const { id, component: Shown, title } = VIEWS.find((one) => one.id === view) ?? (VIEWS[0] as View);
  return (
    <div className={css['room']}>
      <Header />
      <Banner />
      <Welcome />
      <main className={css['main']} aria-label={title} data-lost={everConnected && state !== 'open' ? '' : undefined}>
        {everConnected ? (
          <Boundary key={id} what={title}>
            <Suspense fallback={<Loading what={`Loading ${title} …`} />}>
              <Shown rest={rest} />
            </Suspense>
          </Boundary>
        ) : state === 'refused' ? (
          <Empty title="This page is not let in">{why}</Empty>
        ) : (
          <Loading what="Looking for the engine …" />
        )}
      </main>
      <Palette />
      <CheatSheet />
      <Toasts />
    </div>
  );
}
