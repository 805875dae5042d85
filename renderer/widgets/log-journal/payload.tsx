import { ArrowDown, ArrowUp, Copy, ExternalLink } from 'lucide-react';
import { type KeyboardEvent, type ReactNode } from 'react';
import { useConnection } from '../../stores/connection.ts';
import { type Line } from '../../stores/lines.ts';
import { usePreferences } from '../../stores/preferences.ts';
import { copy } from '../../ui/clipboard.ts';
import { Badge, Button, IconButton } from '../../ui/controls.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Discreet, useBlotted } from '../../ui/discreet.tsx';
import { duration } from '../../ui/format.ts';
import css from './widget.module.css';
import { calledOf, exactTime, jsonOf, mayNameHost, textOf, traceLink } from './words.ts';

export interface PayloadProps {
  readonly line: Line;
  /** Goes to the line above or below; undefined when there is none. */
  readonly onPrevious: (() => void) | undefined;
  readonly onNext: (() => void) | undefined;
  readonly onClose: () => void;
}

/** Everything that is known of one line. */
export function Payload({ line, onPrevious, onNext, onClose }: PayloadProps): ReactNode {
  const blot = useBlotted();
  const { at, source, protocol, method, target, word, tone, policy, delayMs, status, of } = line;
  const title = of.kind === 'message' ? calledOf(line).join(' ') : target;
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowUp' ? onPrevious : event.key === 'ArrowDown' ? onNext : undefined;
    // The text of a payload that is scrolled by the same keys keeps them.
    if (step === undefined || (event.target as HTMLElement).tagName === 'PRE') return;
    event.preventDefault();
    step();
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={mayNameHost(line) ? blot(title) : title}
      about={[source, protocol, of.kind === 'event' ? method : ''].filter(Boolean).join(' · ')}
      wide
    >
      <div className={css['payload']} onKeyDown={onKeyDown}>
        <dl className={css['facts']}>
          <Fact name="Action">
            <Badge tone={tone}>{word}</Badge>
          </Fact>
          {policy !== '' && <Fact name="Policy">{policy}</Fact>}
          {delayMs !== null && <Fact name={of.kind === 'message' ? 'Held back' : 'Took'}>{duration(delayMs)}</Fact>}
          {status !== null && <Fact name="Answered with">{status}</Fact>}
          <Fact name="Time">{exactTime(at, 'utc')}</Fact>
          <Fact name="Local time">{exactTime(at, 'local')}</Fact>
          {of.kind === 'message' && (
            <Fact name="Request id">
              {of.message.requestId === '' ? 'it bore none' : <Id what="Request id" id={of.message.requestId} />}
            </Fact>
          )}
          {of.kind === 'message' && (
            <Fact name="Trace id">
              {of.message.traceId === '' ? 'it bore none' : <Trace id={of.message.traceId} />}
            </Fact>
          )}
        </dl>
        {of.kind !== 'gap' && (
          <pre
            className={css['payloadText']}
            tabIndex={0}
            aria-label={of.kind === 'message' ? 'Beginning of the message' : 'The event'}
          >
            {of.kind === 'message' ? (
              <Discreet>{of.message.head}</Discreet>
            ) : (
              blot(JSON.stringify(of.event.body, null, 2))
            )}
          </pre>
        )}
        <div className={css['buttons']}>
          <Button icon={ArrowUp} disabled={onPrevious === undefined} onClick={onPrevious}>
            Previous
          </Button>
          <Button icon={ArrowDown} disabled={onNext === undefined} onClick={onNext}>
            Next
          </Button>
          <span className={css['rest']} />
          <Button icon={Copy} onClick={() => void copy('1 line', textOf(line))}>
            Copy as text
          </Button>
          <Button icon={Copy} onClick={() => void copy('1 line', jsonOf(line))}>
            Copy as JSON
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
function Id({ what, id }: { readonly what: string; readonly id: string }): ReactNode {
  return (
    <>
      <code>{id}</code>
      <IconButton label={`Copy the ${what.toLowerCase()}`} icon={Copy} onClick={() => void copy(what, id)} />
    </>
  );
}
function Trace({ id }: { readonly id: string }): ReactNode {
  const link = traceLink(
    usePreferences(({ traceUrl }) => traceUrl),
    id,
  );
  const inBrowser = useConnection(({ host }) => host === 'browser');
  return (
    <>
      <Id what="Trace id" id={id} />
      {/* The desktop window opens no other pages. */}
      {link !== undefined && inBrowser && (
        <a href={link} target="_blank" rel="noreferrer">
          Open the trace <ExternalLink size="1em" aria-hidden />
        </a>
      )}
      {link !== undefined && !inBrowser && (
        <Button icon={Copy} onClick={() => void copy('Link to the trace', link)}>
          Copy the link
        </Button>
      )}
    </>
  );
}
