import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useRef } from 'react';
import { type GuardResult } from '../../../engine/contract/models.ts';
import { sectionOf } from '../../forms/locate.ts';
import { Badge, Shape, type Tone } from '../../ui/controls.tsx';
import { Discreet } from '../../ui/discreet.tsx';
import { goToPlace, selectSection, useBench } from './bench.ts';
import css from './rail.module.css';
import { useCheck } from './check.ts';

export const TONE_OF: Readonly<Record<GuardResult['level'], Tone>> = {
  SAFE: 'ok',
  ELEVATED: 'warn',
  HIGH: 'bad',
  CRITICAL: 'bad',
};
const WORDS: Readonly<Record<GuardResult['level'], string>> = {
  SAFE: 'Little can go wrong.',
  ELEVATED: 'Some users may notice.',
  HIGH: 'Expect an outage of what it hits.',
  CRITICAL: 'This can take the system down.',
};

/** What the engine says of the text as one types: its risk and why, what each policy will do, and what is wrong. */
export function Rail(): ReactNode {
  const { good, issues, valid, trouble, revision } = useCheck();
  const now = useBench((state) => state.revision);
  const empty = useBench((state) => state.chars === 0);
  const old = good !== null && !valid;
  return (
    <section className={css['rail']} aria-label="Guard and explanation">
      {issues.length > 0 ? (
        <div className={css['column']}>
          <h2>
            <Shape tone="bad" /> {issues.length === 1 ? 'One error' : `${issues.length} errors`}
          </h2>
          <Rows
            label="Errors"
            items={issues}
            row={(issue) => (
              <button
                type="button"
                className={css['issue']}
                onClick={() => {
                  selectSection(sectionOf(issue));
                  goToPlace(issue.line, issue.column);
                }}
              >
                <b>
                  {issue.line}:{issue.column}
                </b>{' '}
                {issue.message}
                {issue.hint !== '' && <span className={css['hint']}> {issue.hint}</span>}
              </button>
            )}
          />
        </div>
      ) : (
        <div className={css['column']}>
          <h2>
            What it will do
            {valid && revision === now && <Badge tone="ok">valid</Badge>}
          </h2>
          {trouble !== '' && <p className={css['none']}>{trouble}</p>}
          {good !== null && good.summary.policies.length === 0 && (
            <p className={css['none']}>No policy yet: nothing will be injected.</p>
          )}
          {good !== null && (
            <Rows
              label="What each policy will do"
              items={good.summary.policies}
              row={(policy) => (
                <>
                  <b>{policy.name}</b> <Discreet>{policy.explain}</Discreet>
                </>
              )}
            />
          )}
        </div>
      )}
      <div className={css['column']} data-old={old ? '' : undefined}>
        <h2>Why</h2>
        {good !== null && good.guard.issues.length === 0 && (
          <p className={css['none']}>
            {['SAFE', 'ELEVATED'].includes(good.guard.level)
              ? 'No remark: narrow targets, nothing drastic.'
              : 'No policy stands out alone: it is their number that adds up to this score.'}
          </p>
        )}
        {good !== null && (
          <Rows
            label="Reasons of the guard"
            items={good.guard.issues}
            row={(one) => (
              <>
                <b>{one.policy === '' ? 'File' : one.policy}</b> {one.message}
              </>
            )}
          />
        )}
      </div>
      <div className={css['guard']} data-old={old ? '' : undefined} aria-live="polite">
        <h2>Guard</h2>
        {good === null ? (
          <p className={css['none']}>{empty ? 'Nothing to judge yet.' : 'Judged as soon as the file is valid.'}</p>
        ) : (
          <>
            <div className={css['score']}>
              <strong data-testid="guard-score">{good.guard.score}</strong>
              <Badge tone={TONE_OF[good.guard.level]}>{good.guard.level}</Badge>
            </div>
            <p>{WORDS[good.guard.level]}</p>
            {old && <p className={css['stale']}>As of the last valid text.</p>}
          </>
        )}
      </div>
    </section>
  );
}

/** A list that stays quick with a thousand lines. */
function Rows<T>({
  label,
  items,
  row,
}: {
  readonly label: string;
  readonly items: readonly T[];
  readonly row: (item: T) => ReactNode;
}): ReactNode {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 40,
    overscan: 6,
    useFlushSync: false,
  });
  return (
    <div ref={scroller} className={css['rows']} tabIndex={0} role="region" aria-label={label}>
      <ul style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <li
            key={index}
            data-index={index}
            ref={virtual.measureElement}
            style={{ transform: `translateY(${start}px)` }}
          >
            {row(items[index] as T)}
          </li>
        ))}
      </ul>
    </div>
  );
}
