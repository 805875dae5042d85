import { RotateCcw } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useMemo, useState } from 'react';
import { type Capability, type EngineStatus } from '../../../engine/contract/models.ts';
import { upstreamsOf } from '../../../engine/contract/words.ts';
import { type DesktopApi, type HaltShortcut } from '../../../engine/contract/desktop.ts';
import { desktop } from '../../bridge/desktop.ts';
import { useOffer } from '../../stores/actions.ts';
import { engine, refreshStatus, useConnection } from '../../stores/connection.ts';
import { usePreferences } from '../../stores/preferences.ts';
import { toast, toastError } from '../../stores/toasts.ts';
import { Badge, Button, Empty, ErrorNote, Kbd, Loading } from '../../ui/controls.tsx';
import { Discreet } from '../../ui/discreet.tsx';
import { Time } from '../../ui/time.tsx';
import css from './machine.module.css';

/** How often the open records are read anew while one looks, milliseconds. */
const EVERY = 2_000;

/** What this machine can do, what is still open on it, and who would put it back. */
export default function Machine(): ReactNode {
  const status = useConnection((connection) => connection.status);
  const client = useConnection((connection) => connection.client);
  const [capabilities, setCapabilities] = useState<readonly Capability[]>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    if (client === null) return;
    client.query('doctor', {}).then(
      (found) => (setCapabilities(found), setError(undefined)),
      (failure: unknown) => setError(failure),
    );
    const timer = setInterval(() => void refreshStatus().catch(() => {}), EVERY);
    void refreshStatus().catch(() => {});
    return () => clearInterval(timer);
  }, [client]);

  const recover = useCallback(async (): Promise<void> => {
    setBusy(true);
    try {
      const { cleared, open, damage } = await engine().command('recover', {});
      toast(open.length + damage.length > 0 ? 'warn' : 'ok', `${cleared.length} put back, ${open.length} still open`);
      await refreshStatus();
    } catch (failure) {
      toastError('Nothing was put back', failure);
    } finally {
      setBusy(false);
    }
  }, []);
  const actions = useMemo(
    () => [
      { id: 'recover', title: 'Put back what stayed behind', group: 'Safety' as const, run: () => void recover() },
    ],
    [recover],
  );
  useOffer(actions);

  if (status === null) return <Loading what="Reading the state of this machine …" />;
  return (
    <div className={css['machine']}>
      <h1 className="visually-hidden">Machine</h1>
      <section className={css['wide']}>
        <h2>The way back</h2>
        <WayBack status={status} />
        <OpenRecords status={status} busy={busy} onRecover={() => void recover()} />
      </section>
      <section>
        <h2>Routes</h2>
        <Routes status={status} />
      </section>
      <section>
        <h2>The room</h2>
        <Room status={status} />
      </section>
      <section className={css['wide']}>
        <h2>This machine</h2>
        {error !== undefined ? (
          <ErrorNote title="Not examined" error={error} />
        ) : (
          <Capabilities capabilities={capabilities} />
        )}
      </section>
    </div>
  );
}

function WayBack({ status: { watchdog, sentinel, halted, open } }: { readonly status: EngineStatus }): ReactNode {
  return (
    <ul className={css['facts']}>
      <li>
        <Badge tone={watchdog?.alive === true ? 'ok' : open.length === 0 ? 'neutral' : 'bad'}>
          {watchdog?.alive === true ? 'watchdog alive' : open.length === 0 ? 'no watchdog yet' : 'no watchdog'}
        </Badge>
        <span>
          {watchdog?.alive === true
            ? `Process ${watchdog.pid} reverts every fault when this engine dies or falls silent for 10 seconds.`
            : 'It starts with the first fault. Without it, faults of a dead engine stay until the next start.'}
        </span>
      </li>
      {sentinel?.alive === false && (
        <li>
          <Badge tone="bad">HALT hindered</Badge>
          <span>
            The thread that takes HALT from other programs has stopped: {sentinel.note}. Start this engine anew; until
            then HALT only from here.
          </span>
        </li>
      )}
      {halted && (
        <li>
          <Badge tone="accent">halted</Badge>
          <span>HALT was the last word; routes pass traffic on untouched.</span>
        </li>
      )}
    </ul>
  );
}

function OpenRecords({
  status: { open, damage, faults },
  busy,
  onRecover,
}: {
  readonly status: EngineStatus;
  readonly busy: boolean;
  readonly onRecover: () => void;
}): ReactNode {
  if (open.length === 0 && damage.length === 0) return <p className={css['quiet']}>No undo record is open.</p>;
  const unconfirmed = new Set(faults.filter(({ state }) => state === 'unconfirmed').map(({ id }) => id));
  const stays = ({ id, ownerAlive }: Pick<EngineStatus['open'][number], 'id' | 'ownerAlive'>): boolean =>
    !ownerAlive || unconfirmed.has(id);
  return (
    <>
      <table className={css['table']}>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Target</th>
            <th scope="col">What undoes it</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          {open.map(({ id, target, policy, inverse, ownerAlive, since, note }) => (
            <tr key={id}>
              <td>
                <Badge tone={stays({ id, ownerAlive }) ? 'bad' : 'warn'}>
                  {!ownerAlive ? 'left behind' : unconfirmed.has(id) ? 'unconfirmed' : 'held'}
                </Badge>
              </td>
              <td>
                <Discreet>{target}</Discreet> <small>{policy}</small>
              </td>
              <td>
                {inverse} {note !== '' && <small>{note}</small>}
              </td>
              <td>
                <Time at={since} date />
              </td>
            </tr>
          ))}
          {damage.map(({ where, what }) => (
            <tr key={where}>
              <td>
                <Badge tone="bad">damaged</Badge>
              </td>
              <td>{where}</td>
              <td colSpan={2}>{what}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {open.some(stays) && (
        <Button icon={RotateCcw} busy={busy} onClick={onRecover}>
          Put back what stayed behind
        </Button>
      )}
    </>
  );
}

function Routes({ status: { routes } }: { readonly status: EngineStatus }): ReactNode {
  if (routes.length === 0)
    return <p className={css['quiet']}>No route is open. A policy file opens those that it names.</p>;
  return (
    <table className={css['table']}>
      <thead>
        <tr>
          <th scope="col">Route</th>
          <th scope="col">Protocol</th>
          <th scope="col">Listens on</th>
          <th scope="col">Passes on to</th>
        </tr>
      </thead>
      <tbody>
        {routes.map((route) => (
          <tr key={route.name}>
            <td>{route.name}</td>
            <td>{route.protocol}</td>
            <td>
              <code>
                <Discreet>{route.listen}</Discreet>
              </code>
            </td>
            <td>
              <code>
                <Discreet>{upstreamsOf(route)}</Discreet>
              </code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Capabilities({ capabilities }: { readonly capabilities: readonly Capability[] | undefined }): ReactNode {
  if (capabilities === undefined) return <Loading what="Examining this machine …" />;
  if (capabilities.length === 0) return <Empty title="Nothing was examined" />;
  // What cannot be done comes first, with the reason: nobody looks for it below sixty lines of what can.
  const sorted = [...capabilities].sort((a, b) => Number(a.available) - Number(b.available));
  return (
    <ul className={css['facts']}>
      {sorted.map(({ name, available, detail }) => (
        <li key={name}>
          <Badge tone={available ? 'ok' : 'neutral'}>{available ? 'available' : 'unavailable'}</Badge>
          <span>
            <strong>{name}</strong> {detail !== '' && <small>{detail}</small>}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Room({ status: { version, pid, startedAt } }: { readonly status: EngineStatus }): ReactNode {
  const { traceUrl } = usePreferences();
  return (
    <div className={css['room']}>
      <p>
        Firebreak {version}, process {pid}, since <Time at={startedAt} date />.
      </p>
      {desktop !== undefined && <GlobalHalt host={desktop} />}
      <label className={css['field']}>
        <span>Where traces are looked up</span>
        <input
          value={traceUrl}
          placeholder="https://traces.example/trace/{trace}"
          onChange={({ target }) => usePreferences.setState({ traceUrl: target.value.slice(0, 2_000) })}
        />
        <small>{'{trace}'} stands for the id. The log journal then links to it.</small>
      </label>
    </div>
  );
}

/** The keys that HALT from any other program: only the desktop window has them. */
function GlobalHalt({ host }: { readonly host: DesktopApi }): ReactNode {
  const [shortcut, setShortcut] = useState<HaltShortcut>();
  useEffect(() => {
    host.haltShortcut().then(setShortcut, () => {});
  }, [host]);
  if (shortcut === undefined) return null;
  return (
    <p>
      <Badge tone={shortcut.problem === '' ? 'ok' : 'bad'}>{shortcut.problem === '' ? 'works' : 'does not work'}</Badge>{' '}
      <Kbd>{shortcut.keys}</Kbd> is HALT from any program. {shortcut.problem}
    </p>
  );
}
