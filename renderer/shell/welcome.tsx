import { ShieldCheck, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { engine, useConnection } from '../stores/connection.ts';
import { go } from '../stores/place.ts';
import { usePreferences } from '../stores/preferences.ts';
import { toast } from '../stores/toasts.ts';
import { Button, ErrorNote, IconButton } from '../ui/controls.tsx';
import css from './welcome.module.css';

/** The experiment of the first minute: it slows the demo's payments, and every checkout still succeeds. */
const FIRST = 'slow-payments';
/** Long enough to see, short enough to wait for, milliseconds. */
const FIRST_LASTS = 30_000;

/** First start: three sentences and one button, beside the live board, not over it. */
export function Welcome(): ReactNode {
  const { loaded, welcomed } = usePreferences();
  const routes = useConnection(({ status }) => status?.routes) ?? [];
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const close = (): void => usePreferences.setState({ welcomed: true });
  const hasShop = ['storefront', 'payments'].every((name) => routes.some((route) => route.name === name));
  const breakSomething = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      const client = engine();
      const entry = (await client.query('library', {})).find(({ name }) => name === FIRST);
      if (entry === undefined) throw new Error(`The library has no experiment ${FIRST}.`);
      const { run } = await client.command('run', {
        text: entry.text,
        file: `${FIRST}.yaml`,
        overrides: { durationMs: FIRST_LASTS },
        routes,
      });
      close();
      go('board');
      toast(
        'info',
        'Payments will answer half a second late',
        `For ${FIRST_LASTS / 1_000} seconds, then everything is put back. Run ${run}.`,
      );
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  if (!loaded || welcomed) return null;
  return (
    <section className={css['welcome']} aria-label="Welcome">
      <div className={css['words']}>
        <p>Firebreak breaks things on purpose, measures what happens, and puts everything back.</p>
        <p>
          {hasShop
            ? 'A small shop runs behind this room, with real traffic from its storefront to its ledger.'
            : 'Point it at a service of yours in the builder, or start it with the demo shop: npm start.'}
        </p>
        <p>HALT, at the top right or with F8, ends every fault at once, whatever else is on screen.</p>
        {error !== undefined && <ErrorNote title="Not started" error={error} />}
      </div>
      {hasShop ? (
        <Button look="primary" icon={ShieldCheck} busy={busy} onClick={() => void breakSomething()}>
          Break something safely
        </Button>
      ) : (
        <Button look="primary" onClick={() => (close(), go('builder'))}>
          Open the builder
        </Button>
      )}
      <IconButton label="Close the welcome" icon={X} onClick={close} />
    </section>
  );
}
