import { CircleHelp, Plus, Trash2 } from 'lucide-react';
import { type ReactNode, memo, useState } from 'react';
import { z } from 'zod';
import { engine } from '../../stores/connection.ts';
import { useFrames } from '../../stores/frames.ts';
import { toast, toastError } from '../../stores/toasts.ts';
import { Badge, Button, Empty, IconButton } from '../../ui/controls.tsx';
import { Discreet, useBlotted } from '../../ui/discreet.tsx';
import { NOTHING, duration, percent } from '../../ui/format.ts';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { AddProbe } from './add-probe.tsx';
import { type Target, ratingOf, sharesOf, targetsOf } from './apdex.ts';
import { Explained } from './explained.tsx';
import css from './widget.module.css';

const settings = z.object({
  targets: z
    .array(z.string().max(64))
    .max(64)
    .default([])
    .meta({ title: 'Probes', help: 'Names, one a line; empty means all.', example: 'checkout' }),
});
type Settings = z.infer<typeof settings>;

function Apdex({ settings: { targets: wanted } }: WidgetProps<Settings>): ReactNode {
  // Compared by its text: ten frames a second mostly tell the same.
  const text = useFrames(({ last }) => (last === null ? '' : JSON.stringify(targetsOf(last.standing, last.probes))));
  const [open, setOpen] = useState<'add' | 'help'>();
  if (text === '') return <Empty title="No figures yet">They come with the first word of the engine.</Empty>;
  const all = JSON.parse(text) as Target[];
  const targets = all.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
  const close = (): void => setOpen(undefined);
  return (
    <div className={css['widget']}>
      {targets.length === 0 ? (
        <Empty
          title="No probe measures an Apdex"
          action={
            <Button look="primary" icon={Plus} onClick={() => setOpen('add')}>
              Add probe
            </Button>
          }
        >
          {all.length === 0
            ? 'Give the address of a service: it will be asked once a second.'
            : 'None of the probes bears a name that these settings ask for.'}
        </Empty>
      ) : (
        <ul className={css['cards']}>
          {targets.map((target) => (
            <li key={`${target.standing ? 's' : 'r'} ${target.name}`}>
              <Card text={JSON.stringify(target)} />
            </li>
          ))}
        </ul>
      )}
      <footer className={css['footer']}>
        <Button look="quiet" icon={CircleHelp} onClick={() => setOpen('help')}>
          What is Apdex?
        </Button>
        {targets.length > 0 && (
          <Button look="quiet" icon={Plus} onClick={() => setOpen('add')}>
            Add probe
          </Button>
        )}
      </footer>
      <Explained open={open === 'help'} onClose={close} />
      {open === 'add' && <AddProbe taken={all.map(({ name }) => name)} onClose={close} />}
    </div>
  );
}

const score = (value: number | null | undefined): string => (value == null ? NOTHING : value.toFixed(2));

const Card = memo(function Card({ text }: { readonly text: string }): ReactNode {
  const { name, standing, describe, apdexT, tally, ok, latency, error, figures } = JSON.parse(text) as Target;
  const blot = useBlotted();
  const { word, tone } = ratingOf(figures['apdex'] ?? null);
  const shares = sharesOf(tally);
  return (
    <article className={css['card']} aria-label={`Apdex of ${name}`}>
      <header className={css['cardHead']}>
        <h3 title={`${name}: ${blot(describe)}`}>{name}</h3>
        {!standing && <small>of the run</small>}
        <span title={latency === null ? '' : `the newest answer took ${duration(latency)}`}>
          <Badge tone={ok === null ? 'neutral' : ok ? 'ok' : 'bad'}>
            {ok === null ? 'not polled yet' : ok ? 'answers' : 'fails'}
          </Badge>
        </span>
        {standing && (
          <IconButton label={`Remove the probe ${name}`} icon={Trash2} onClick={() => void removeProbe(name)} />
        )}
      </header>
      <div className={css['score']}>
        <span className={`${css['number']} ${css[tone]}`}>{score(figures['apdex'])}</span>
        <span className={css['word']}>
          <Badge tone={tone}>{word}</Badge>
          <small>
            moving {score(figures['apdex_ema'])}
            {apdexT !== null && (
              <>
                {' '}
                · <span className={css['threshold']}>T {duration(apdexT)}</span>
              </>
            )}
          </small>
        </span>
      </div>
      {shares !== null && tally !== null && (
        <div
          className={css['bar']}
          role="img"
          aria-label={`${tally.satisfied} satisfied, ${tally.tolerating} tolerating, ${tally.frustrated} frustrated`}
        >
          {(['satisfied', 'tolerating', 'frustrated'] as const).map((kind) => (
            <span key={kind} className={css[kind]} style={{ flexGrow: shares[kind] }} title={`${kind}: ${tally[kind]}`}>
              {shares[kind] >= 0.16 ? tally[kind] : ''}
            </span>
          ))}
        </div>
      )}
      <dl className={css['figures']}>
        {(['p50', 'p95', 'p99'] as const).map((name) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{duration(figures[name] ?? null)}</dd>
          </div>
        ))}
        <div>
          <dt>success</dt>
          <dd>{percent(figures['success_rate'] ?? null)}</dd>
        </div>
      </dl>
      {error !== '' && (
        <p className={css['error']}>
          last error: <Discreet>{error}</Discreet>
        </p>
      )}
    </article>
  );
});

/** Removes a standing probe; the message brings it back as it was. */
async function removeProbe(name: string): Promise<void> {
  try {
    const client = engine();
    const probe = (await client.query('probes', {})).find((one) => one.name === name);
    await client.command('stopProbe', { name });
    if (probe === undefined) return;
    const again = (): void =>
      void engine()
        .command('startProbe', probe)
        .catch((error: unknown) => toastError(`Probe ${name} not started again`, error));
    toast('info', `Probe ${name} removed`, '', { label: 'Undo', run: again });
  } catch (error) {
    toastError(`Probe ${name} not removed`, error);
  }
}

export const apdex = defineWidget<Settings>({
  type: 'apdex',
  title: 'Apdex',
  about: 'How content the users of a service are, as one score: of every probe, with its latencies and its last error.',
  size: { w: 3, h: 5 },
  least: { w: 2, h: 3 },
  settings,
  component: Apdex,
});
