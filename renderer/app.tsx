import { type ReactNode, Suspense } from 'react';
import { useConnection } from './stores/connection.ts';
import { usePlace } from './stores/place.ts';
import { Loading } from './ui/controls.tsx';
import { VIEWS } from './views/views.ts';

/** The frame of the room around the view one is in. */
export function App(): ReactNode {
  const { view, rest } = usePlace();
  const state = useConnection((connection) => connection.state);
  const { component: Shown, title } = VIEWS.find(({ id }) => id === view) ?? VIEWS[0]!;
  return (
    <>
      <header>{state}</header>
      <main aria-label={title}>
        <Suspense fallback={<Loading what={`Loading ${title} …`} />}>
          <Shown rest={rest} />
        </Suspense>
      </main>
    </>
  );
}
