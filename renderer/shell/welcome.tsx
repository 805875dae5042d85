import { ShieldCheck } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { engine, useConnection } from '../stores/connection.ts';
import { go } from '../stores/place.ts';
import { usePreferences } from '../stores/preferences.ts';
import { toast } from '../stores/toasts.ts';
import { Button, ErrorNote } from '../ui/controls.tsx';
import { Dialog } from '../ui/dialog.tsx';
import css from './welcome.module.css';

/** The experiment of the first minute: it slows the demo's payments, and every checkout still succeeds. */
const FIRST = 'slow-payments';
/** Long enough to see, short enough to wait for, milliseconds. */
const FIRST_LASTS = 30_000;

/** First start: three sentences and one button. */
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
      const { run } = await client.command('run', { text: entry.text, file: `${FIRST}.yaml`, overrides: { durationMs: FIRST_LASTS }, routes });
      close();
      go('board');
      toast('info', 'Payments will answer half a second late', `For ${FIRST_LASTS / 1_000} seconds, then everything is put back. Run ${run}.`);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={loaded && !welcomed} onClose={close} title="Welcome to Firebreak">
      <div className={css['welcome']}>
        <p>Firebreak breaks things on purpose, measures what happens, and puts everything back.</p>
        <p>{hasShop ? 'A small shop is running behind this room, with real traffic from its storefront to its ledger.' : 'Point it at a service of yours in the Builder, or start it with the demo shop by npm start.'}</p>
        <p>HALT, at the top right or with F8, ends every fault at once, whatever else is on screen.</p>
        {error !== undefined && <ErrorNote title="Not started" error={error} />}
        <div className={css['row']}>
          {hasShop ? (
            <Button look="primary" icon={ShieldCheck} busy={busy} onClick={() => void breakSomething()}>
              Break something safely
            </Button>
          ) : (
            <Button look="primary" onClick={() => (close(), go('builder'))}>
              Open the builder
            </Button>
          )}
          <Button look="quiet" onClick={close}>
            Look around first
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
