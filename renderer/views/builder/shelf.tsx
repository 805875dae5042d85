import { FilePlus, RotateCcw } from 'lucide-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { type FileVersion, type LibraryEntry } from '../../../engine/contract/room.ts';
import { diffLines, folded } from '../../forms/diff.ts';
import { engine, useConnection } from '../../stores/connection.ts';
import { type Draft, useDraft } from '../../stores/draft.ts';
import { toastError } from '../../stores/toasts.ts';
import { Badge, Button, Empty, ErrorNote, Loading } from '../../ui/controls.tsx';
import { count } from '../../ui/format.ts';
import { Time } from '../../ui/time.tsx';
import { EMPTY_FILE } from './adding.ts';
import { currentText, useBench } from './bench.ts';
import { fileName } from './check.ts';
import { load } from './keep.ts';
import css from './shelf.module.css';

/** Reads something once for each connection. */
function useAsked<T>(ask: () => Promise<T>, again: unknown): { readonly value?: T; readonly error?: unknown } {
  const client = useConnection((state) => state.client);
  const [state, setState] = useState<{ readonly value?: T; readonly error?: unknown }>({});
  useEffect(() => {
    let left = false;
    if (client === null) return;
    ask().then(
      (value) => left || setState({ value }),
      (error: unknown) => left || setState({ error }),
    );
    return () => void (left = true);
  }, [client, again]);
  return state;
}

const use = (
  text: string,
  file: string,
  { path, crlf, bom }: Partial<Pick<Draft, 'path' | 'crlf' | 'bom'>> = {},
): void =>
  void load(text, file, { path: path ?? '', crlf: crlf ?? false, bom: bom ?? false, unsaved: true }).then(
    () => useBench.setState({ panel: 'form' }),
    (error: unknown) => toastError('Nothing was replaced', error),
  );

/** Experiments to start from. */
export function Library(): ReactNode {
  const { value, error } = useAsked(() => engine().query('library', {}), 0);
  return (
    <div className={css['shelf']}>
      <article className={css['card']}>
        <h2>Empty file</h2>
        <p>Nothing but the version. Add routes and policies from the left, or type.</p>
        <Button icon={FilePlus} onClick={() => use(EMPTY_FILE, 'untitled.yaml')}>
          Start empty
        </Button>
      </article>
      {error !== undefined && <ErrorNote title="The library could not be read" error={error} />}
      {value === undefined && error === undefined && <Loading what="Reading the library …" />}
      {value?.map((entry) => (
        <Card key={entry.id} entry={entry} />
      ))}
    </div>
  );
}
function Card({ entry }: { readonly entry: LibraryEntry }): ReactNode {
  const [first, ...rest] = useMemo(() => paragraphs(entry.about), [entry.about]);
  return (
    <article className={css['card']}>
      <h2>{entry.name}</h2>
      {first !== undefined && <p className={css['lead']}>{first}</p>}
      {rest.map((text) => (
        <p key={text}>{text}</p>
      ))}
      <Button onClick={() => use(entry.text, `${entry.id}.yaml`)} aria-label={`Start from this: ${entry.name}`}>
        Start from this
      </Button>
    </article>
  );
}
/** The comment of a file as sentences: its lines joined, commands left out. */
const paragraphs = (about: string): readonly string[] =>
  about
    .split(/\n\s*\n/)
    .filter((part) => !/^\s{2,}firebreak /.test(part))
    .map((part) => part.replace(/\s*\n\s*/g, ' ').trim())
    .filter((part) => part !== '');

const WHY = {
  deployed: { word: 'deployed', tone: 'warn' },
  run: { word: 'run', tone: 'accent' },
  saved: { word: 'saved', tone: 'neutral' },
} as const;

/** Earlier files: look at one against the text, and return to it. */
export function Versions(): ReactNode {
  const [chosen, setChosen] = useState<FileVersion | null>(null);
  const revision = useBench((state) => state.revision);
  const { value, error } = useAsked(() => engine().query('versions', { limit: 500 }), chosen === null ? revision : 0);
  if (error !== undefined) return <ErrorNote title="The versions could not be read" error={error} />;
  if (value === undefined) return <Loading what="Reading the versions …" />;
  if (value.length === 0)
    return <Empty title="No version yet">Every file that is saved, deployed or run is kept here.</Empty>;
  return (
    <div className={css['versions']}>
      <VersionList versions={value} chosen={chosen} choose={setChosen} />
      {chosen === null ? (
        <Empty title="Choose a version">It is shown against the text of the editor.</Empty>
      ) : (
        <Difference key={chosen.id} version={chosen} />
      )}
    </div>
  );
}

function VersionList({
  versions,
  chosen,
  choose,
}: {
  readonly versions: readonly FileVersion[];
  readonly chosen: FileVersion | null;
  readonly choose: (version: FileVersion) => void;
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: versions.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 52,
    overscan: 6,
    useFlushSync: false,
  });
  return (
    <div ref={scroller} className={css['versionRows']}>
      <ul style={{ height: virtual.getTotalSize() }} aria-label="Versions, newest first">
        {virtual.getVirtualItems().map(({ index, start, size }) => {
          const version = versions[index] as FileVersion;
          const { word, tone } = WHY[version.why];
          return (
            <li key={version.id} style={{ transform: `translateY(${start}px)`, height: size }}>
              <button type="button" aria-current={version.id === chosen?.id} onClick={() => choose(version)}>
                <span>
                  <b>{version.name}</b>
                  <Badge tone={tone}>{word}</Badge>
                </span>
                <small title={`${count(version.chars)} characters`}>
                  <Time at={version.at} date /> · {count(version.chars)} characters
                </small>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

const SIGNS = { same: ' ', gone: '−', new: '+', skipped: '⋯' } as const;
/** At most so many lines of a comparison are drawn. */
const MOST_LINES = 3_000;

function Difference({ version }: { readonly version: FileVersion }): ReactNode {
  const revision = useBench((state) => state.revision);
  const { value, error } = useAsked(() => engine().query('version', { id: version.id }), version.id);
  const lines = useMemo(() => (value == null ? [] : folded(diffLines(currentText(), value.text))), [value, revision]);
  if (error !== undefined) return <ErrorNote title="This version could not be read" error={error} />;
  if (value === undefined) return <Loading what="Reading the version …" />;
  if (value === null) return <Empty title="This version is gone">Only the newest are kept.</Empty>;
  const same = lines.every(({ kind }) => kind === 'same' || kind === 'skipped');
  return (
    <section className={css['difference']} aria-label={`Version of ${version.name} against the text`}>
      <header>
        <p>{same ? 'The same as the text.' : 'What returning to it would change in the text:'}</p>
        <Button
          look="primary"
          icon={RotateCcw}
          disabled={same}
          onClick={() => use(value.text, fileName(), useDraft.getState())}
        >
          Return to this version
        </Button>
      </header>
      <pre tabIndex={0} aria-label="Lines that differ">
        {lines.slice(0, MOST_LINES).map(({ kind, text }, index) => (
          <div key={index} data-kind={kind}>
            <span aria-hidden>{SIGNS[kind]}</span>
            {kind === 'gone' && <span className="visually-hidden">removed: </span>}
            {kind === 'new' && <span className="visually-hidden">added: </span>}
            {text}
          </div>
        ))}
        {lines.length > MOST_LINES && <div data-kind="skipped">and {lines.length - MOST_LINES} more lines</div>}
      </pre>
    </section>
  );
}
