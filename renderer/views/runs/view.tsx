import { type ReactNode } from 'react';
import { useRuns } from '../../stores/runs.ts';
import { Empty } from '../../ui/controls.tsx';
import { Compare } from './compare.tsx';
import { Detail } from './detail.tsx';
import { RunList } from './list.tsx';
import css from './runs.module.css';

/** Every run: the list at the left, one run or two beside each other at the right. */
export default function Runs({ rest }: { readonly rest: readonly string[] }): ReactNode {
  const live = useRuns((state) => state.live);
  const newest = useRuns((state) => state.history?.[0]?.run);
  const [first, a, b] = rest;
  // With no run named, the one that people came for: the one under way, else the last.
  const shown = first ?? (live?.endedAt === null ? live.run : (newest ?? ''));
  const compared = first === 'compare' && a !== undefined && b !== undefined;
  return (
    <div className={css['view']}>
      <h1 className="visually-hidden">Runs</h1>
      <RunList shown={compared ? a : shown} />
      {compared ? (
        <Compare a={a} b={b} />
      ) : shown === '' ? (
        <Empty title="No run yet">
          Start an experiment in the builder, or break something safely from the welcome.
        </Empty>
      ) : (
        <Detail key={shown} run={shown} />
      )}
    </div>
  );
}
