import { CircleStop, Download, GitCompareArrows, RotateCw } from 'lucide-react';
import { type ReactNode, useCallback, useMemo, useState } from 'react';
import { type RunRecord } from '../../../engine/contract/models.ts';
import { type ReportFormat } from '../../../engine/contract/room.ts';
import { type Action, useOffer } from '../../stores/actions.ts';
import { engine, useConnection } from '../../stores/connection.ts';
import { go } from '../../stores/place.ts';
import { type RunStory } from '../../stores/run-fold.ts';
import { useRuns } from '../../stores/runs.ts';
import { toast, toastError } from '../../stores/toasts.ts';
import { Button } from '../../ui/controls.tsx';
import { exportReport } from './export.ts';
import css from './runs.module.css';

const FORMATS: readonly (readonly [ReportFormat, string])[] = [
  ['pdf', 'PDF'],
  ['markdown', 'Markdown'],
  ['json', 'JSON'],
];

/** What can be done with a run. */
export function Tools({
  story: { run, endedAt },
  record,
}: {
  readonly story: RunStory;
  readonly record: RunRecord | undefined;
}): ReactNode {
  const [busy, setBusy] = useState('');
  const during = useCallback(async (what: string, work: () => Promise<unknown>): Promise<void> => {
    setBusy(what);
    try {
      await work();
    } catch (error) {
      toastError(`${what}: not done`, error);
    } finally {
      setBusy('');
    }
  }, []);
  const running = endedAt === null;
  const abort = useCallback(
    () => void during('Abort', () => engine().command('abort', { run, why: 'aborted in the room' })),
    [during, run],
  );
  const report = useCallback(
    (format: ReportFormat) => void during(format, () => exportReport(run, format)),
    [during, run],
  );
  const again = useCallback(() => {
    if (record !== undefined) void during('Run again', () => runAgain(record));
  }, [during, record]);
  const actions = useMemo(
    (): readonly Action[] =>
      running
        ? [{ id: 'abort-run', title: 'Abort this run', group: 'Runs', keys: 'x', run: abort }]
        : [
            {
              id: 'export-report',
              title: 'Export the report as PDF',
              group: 'Runs',
              keys: 'e',
              run: () => report('pdf'),
            },
            {
              id: 'export-markdown',
              title: 'Export the report as Markdown',
              group: 'Runs',
              run: () => report('markdown'),
            },
            { id: 'export-json', title: 'Export the report as JSON', group: 'Runs', run: () => report('json') },
            { id: 'run-again', title: 'Run again with the same seed', group: 'Runs', keys: 'r a', run: again },
          ],
    [running, abort, report, again],
  );
  useOffer(actions);
  if (running) {
    return (
      <div className={css['tools']}>
        <Button look="danger" icon={CircleStop} busy={busy === 'Abort'} onClick={abort}>
          Abort
        </Button>
      </div>
    );
  }
  return (
    <div className={css['tools']}>
      {FORMATS.map(([format, word]) => (
        <Button
          key={format}
          icon={Download}
          busy={busy === format}
          onClick={() => report(format)}
          aria-label={`Export the report as ${word}`}
        >
          {word}
        </Button>
      ))}
      <Button
        icon={RotateCw}
        busy={busy === 'Run again'}
        disabled={record === undefined}
        onClick={again}
        title="With the same seed"
      >
        Run again
      </Button>
      <CompareWith run={run} />
    </div>
  );
}

/** The same file with the same seed and length; routes that are open stand in for the file's of the same name. */
async function runAgain({ source, file, seed, duration: durationMs }: RunRecord): Promise<void> {
  const open = useConnection.getState().status?.routes ?? [];
  const routes = open.filter(({ name }) => new RegExp(`\\b${name.replace(/[^\w-]/g, '\\$&')}\\b`).test(source));
  const { run } = await engine().command('run', { text: source, file, overrides: { seed, durationMs }, routes });
  toast('info', 'Running again', `Seed ${seed}, run ${run}`);
  go('runs', run);
}

function CompareWith({ run }: { readonly run: string }): ReactNode {
  const others = (useRuns((state) => state.history) ?? []).filter((one) => one.run !== run && one.endedAt !== null);
  return (
    <label className={css['compareWith']}>
      <GitCompareArrows size="1.1em" aria-hidden />
      <span className="visually-hidden">Compare with</span>
      <select
        value=""
        disabled={others.length === 0}
        onChange={({ target }) => go('runs', 'compare', run, target.value)}
      >
        <option value="" disabled>
          {others.length === 0 ? 'No other run' : 'Compare with …'}
        </option>
        {others.map((one) => (
          <option key={one.run} value={one.run}>
            {one.name} · {one.verdict ?? '?'} · {new Date(one.startedAt).toISOString().slice(0, 16).replace('T', ' ')}
          </option>
        ))}
      </select>
    </label>
  );
}
