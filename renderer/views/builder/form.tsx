import { ArrowDown, ArrowUp, Copy, Trash2 } from 'lucide-react';
import { type ReactNode } from 'react';
import {
  ABORT,
  CHECK,
  EXPERIMENT,
  FAULT_TYPES,
  IGNORED,
  policyFields,
  probeFields,
  ROUTE,
  summaryOf,
  TOP,
} from '../../forms/catalogue.ts';
import { length, type Path, read, type Source } from '../../forms/document.ts';
import { type Field } from '../../../engine/contract/fields.ts';
import { issuesAt } from '../../forms/issues.ts';
import { freeName } from '../../forms/locate.ts';
import { duplicate, move, remove } from '../../forms/remove.ts';
import { Button, Empty, IconButton, Shape } from '../../ui/controls.tsx';
import { goToOffset, goToPlace, undoText, redoText, useBench, write } from './bench.ts';
import { useCheck } from './check.ts';
import { Fields, PolicyFields } from './fields.tsx';
import css from './form.module.css';

/** The form of what is selected. Every field comes from the schema; nothing here knows a fault by name. */
export function Form(): ReactNode {
  const source = useBench((state) => state.source);
  const problem = useBench((state) => state.problem);
  const selected = useBench((state) => state.selected);
  const behind = useBench((state) => state.behind);
  const onKeyDown = (event: React.KeyboardEvent): void => {
    // One history for both sides: an input's own undo would know only half of it.
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key !== 'z' && key !== 'y') return;
    event.preventDefault();
    event.stopPropagation();
    if (key === 'y' || event.shiftKey) redoText();
    else undoText();
  };
  if (problem?.large === true) {
    return (
      <Empty title="This file is too large for the form">
        {problem.message} The editor, the guard and the plan take it as it is.
      </Empty>
    );
  }
  return (
    <div className={css['form']} onKeyDown={onKeyDown} data-old={problem !== null ? '' : undefined}>
      {problem !== null && (
        <div className={css['rest']} role="status">
          <Shape tone="warn" />
          <div>
            <strong>The form rests at the last text that could be read.</strong>
            <p>{problem.message}</p>
            <span className={css['restActions']}>
              <Button onClick={() => goToOffset(problem.offset)}>Show the place</Button>
              <Button look="quiet" onClick={undoText}>
                Undo
              </Button>
            </span>
          </div>
        </div>
      )}
      {behind && (
        <p className={css['behind']} role="status">
          Reading the text …
        </p>
      )}
      <fieldset disabled={problem !== null} className={css['fieldset']} key={selected.join('.')}>
        <Selected source={source} selected={selected} />
      </fieldset>
    </div>
  );
}

function Selected({ source, selected }: { readonly source: Source; readonly selected: Path }): ReactNode {
  const [kind, index] = selected;
  if (kind === 'routes')
    return (
      <Item
        source={source}
        path={selected}
        word="Route"
        about="Applications are pointed at where it listens; what they send goes on to the upstream."
      >
        <Fields source={source} path={selected} fields={ROUTE} />
      </Item>
    );
  if (kind === 'policies') return <PolicyForm source={source} path={selected} />;
  if (kind === 'experiment' && index !== undefined) {
    const probe = [...selected, 'probe'];
    return (
      <Item source={source} path={selected} word="Check" about="What is measured all the time, and what must hold.">
        <Fields source={source} path={selected} fields={CHECK} />
        <h3>Probe</h3>
        <Fields source={source} path={probe} fields={probeFields(read(source, [...probe, 'type']).text)} />
      </Item>
    );
  }
  if (kind === 'experiment') {
    return (
      <>
        <Head title="Experiment" about="What you believe, how it is measured and when it ends.">
          <Button
            look="quiet"
            icon={Trash2}
            onClick={() => write('remove', (now) => remove(now, selected), { select: () => [], alone: true })}
          >
            Remove
          </Button>
        </Head>
        <Loose path={selected} fields={[...EXPERIMENT, ...ABORT]} />
        <Fields source={source} path={selected} fields={EXPERIMENT} />
        <h3>Abort</h3>
        <Fields source={source} path={[...selected, 'abort']} fields={ABORT} />
      </>
    );
  }
  return (
    <>
      <Head title="File" about="What holds for the whole file." />
      <Loose path={[]} fields={TOP} />
      <Fields source={source} path={[]} fields={TOP} />
      <h3>Never touched</h3>
      <p className={css['note']}>Commands that begin with one of these, by protocol, beside the built-in lists.</p>
      <Fields source={source} path={['ignoredCommands']} fields={IGNORED} />
    </>
  );
}

function PolicyForm({ source, path }: { readonly source: Source; readonly path: Path }): ReactNode {
  const type = read(source, [...path, 'type']).text;
  const name = read(source, [...path, 'name']).text;
  const index = Number(path[1]);
  const explain = useCheck(({ good, valid }) =>
    valid
      ? (good?.summary.policies[index]?.explain ?? '')
      : (good?.summary.policies.find((one) => one.name === name)?.explain ?? ''),
  );
  return (
    <Item
      source={source}
      path={path}
      word="Policy"
      about={explain || summaryOf(type.toLowerCase()) || `Choose a type: ${FAULT_TYPES.join(', ')}.`}
    >
      <PolicyFields source={source} path={path} type={type} />
    </Item>
  );
}

/** An item of a list, with what can be done to it as a whole. */
function Item({
  source,
  path,
  word,
  about,
  children,
}: {
  readonly source: Source;
  readonly path: Path;
  readonly word: string;
  readonly about: string;
  readonly children: ReactNode;
}): ReactNode {
  const list = path.slice(0, -1);
  const index = Number(path.at(-1));
  const count = length(source, list);
  const name = read(source, [...path, 'name']).text;
  const to = (next: number) => ({ select: (): Path => [...list, next], alone: true });
  const fields =
    word === 'Route' ? ROUTE : word === 'Check' ? CHECK : policyFields(read(source, [...path, 'type']).text);
  return (
    <>
      <Head title={name || `${word} ${index + 1}`} about={about}>
        <IconButton
          label="Move up"
          icon={ArrowUp}
          disabled={index === 0}
          onClick={() => write('move', (now) => move(now, list, index, index - 1), to(index - 1))}
        />
        <IconButton
          label="Move down"
          icon={ArrowDown}
          disabled={index >= count - 1}
          onClick={() => write('move', (now) => move(now, list, index, index + 1), to(index + 1))}
        />
        <IconButton
          label="Copy below"
          icon={Copy}
          onClick={() =>
            write(
              'copy',
              (now) => duplicate(now, list, index, freeName(now, list, name || word.toLowerCase())),
              to(index + 1),
            )
          }
        />
        <IconButton
          label={`Remove this ${word.toLowerCase()}`}
          icon={Trash2}
          onClick={() => write('remove', (now) => remove(now, path), to(Math.max(0, Math.min(index, count - 2))))}
        />
      </Head>
      <Loose path={path} fields={fields} />
      {children}
    </>
  );
}

function Head({
  title,
  about,
  children,
}: {
  readonly title: string;
  readonly about: string;
  readonly children?: ReactNode;
}): ReactNode {
  return (
    <header className={css['head']}>
      <div>
        <h2>{title}</h2>
        <p>{about}</p>
      </div>
      <div className={css['headActions']}>{children}</div>
    </header>
  );
}

/** What is wrong here and has no field of its own, such as a key that nobody knows. */
function Loose({ path, fields }: { readonly path: Path; readonly fields: readonly Field[] }): ReactNode {
  const issues = useCheck((state) => state.issues);
  const loose = issuesAt(
    issues,
    path,
    fields.map(({ name }) => name),
  );
  if (loose.length === 0) return null;
  return (
    <ul className={css['loose']}>
      {loose.slice(0, 20).map((issue) => (
        <li key={`${issue.line}:${issue.column}:${issue.message}`}>
          <button type="button" className={css['issue']} onClick={() => goToPlace(issue.line, issue.column)}>
            <Shape tone="bad" />
            <span>
              {issue.message} <span className={css['place']}>Line {issue.line}.</span>{' '}
              <span className={css['limits']}>{issue.hint}</span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
