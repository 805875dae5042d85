import { type ReactNode, memo, useEffect, useRef } from 'react';
import { z } from 'zod';
import { useFrames } from '../../stores/frames.ts';
import { useRuns } from '../../stores/runs.ts';
import { Badge, Empty, Shape } from '../../ui/controls.tsx';
import { useBlotted } from '../../ui/discreet.tsx';
import { figureText } from '../../ui/figures.ts';
import { Sparkline } from '../../ui/sparkline.tsx';
import { OPERATOR_WORDS, figureWord } from '../conditions.ts';
import { type WidgetProps, defineWidget } from '../widget.ts';
import { type Check, type Part, TRAIL, type Trails, checksOf, extend } from './checks.ts';
import css from './widget.module.css';

const settings = z.object({
  pictures: z
    .boolean()
    .default(true)
    .meta({ title: 'Small pictures', help: 'Shows how each figure went over its last 60 polls.' }),
});
type Settings = z.infer<typeof settings>;

const toneOf = (held: boolean | null): 'ok' | 'bad' | 'neutral' => (held === null ? 'neutral' : held ? 'ok' : 'bad');
const wordOf = (held: boolean | null): string => (held === null ? 'not known' : held ? 'holds' : 'broken');
const NOTHING_EXPECTED: readonly { readonly name: string; readonly expect: string }[] = [];

function SteadyState({ settings: { pictures } }: WidgetProps<Settings>): ReactNode {
  const expected = useRuns(({ live }) =>
    live === undefined || live.endedAt !== null ? NOTHING_EXPECTED : live.checks,
  );
  // Compared by its text: ten frames a second mostly tell the same polls.
  const text = useFrames(({ last }) =>
    last === null ? '' : JSON.stringify(checksOf(expected, last.probes, last.standing)),
  );
  const trails = useRef<Trails>(new Map());
  const checks = text === '' ? [] : (JSON.parse(text) as Check[]);
  const shown = extend(trails.current, checks);
  // Kept only once it is really shown: React may draw twice.
  useEffect(() => void (trails.current = shown));
  if (text === '') return <Empty title="No figures yet">They come with the first word of the engine.</Empty>;
  if (checks.length === 0)
    return (
      <Empty title="Nothing is expected">
        A run with a steady state, or a standing probe that expects something, is judged here at each poll.
      </Empty>
    );
  return (
    <ul className={css['list']} tabIndex={0} aria-label="Checks">
      {checks.map((check) => (
        <Line
          key={check.key}
          text={JSON.stringify(check)}
          trails={pictures ? shown.get(check.key)?.parts : undefined}
        />
      ))}
    </ul>
  );
}

const Line = memo(function Line({
  text,
  trails,
}: {
  readonly text: string;
  readonly trails: readonly (readonly (number | null)[])[] | undefined;
}): ReactNode {
  const { name, ofRun, held, parts, error } = JSON.parse(text) as Check;
  const blot = useBlotted();
  return (
    <li className={css['check']} data-held={wordOf(held)}>
      <div className={css['head']}>
        <strong title={name}>{name}</strong>
        <small>{ofRun ? 'of the run' : 'standing'}</small>
        <Badge tone={toneOf(held)}>{wordOf(held)}</Badge>
      </div>
      {parts.map((part, index) => (
        <Comparison key={index} part={part} trail={trails?.[index]} />
      ))}
      {error !== '' && <p className={css['error']}>{blot(error)}</p>}
    </li>
  );
});

function Comparison({
  part: { text, limit, value, held },
  trail,
}: {
  readonly part: Part;
  readonly trail: readonly (number | null)[] | undefined;
}): ReactNode {
  if (limit === undefined) {
    return (
      <p className={css['text']}>
        <code>{text}</code>
      </p>
    );
  }
  return (
    <div className={css['part']}>
      <span className={css['figure']} title={figureWord(limit.figure)}>
        {figureWord(limit.figure)}
      </span>
      <span className={css['value']} data-tone={toneOf(held)}>
        <Shape tone={toneOf(held)} />
        {figureText(limit.figure, value)}
      </span>
      <span className={css['limit']}>
        {OPERATOR_WORDS[limit.operator]} {figureText(limit.figure, limit.limit)}
      </span>
      {trail !== undefined && (
        <span className={css['picture']}>
          <Sparkline values={trail} limit={limit.limit} room={TRAIL} />
        </span>
      )}
    </div>
  );
}

export const steadyState = defineWidget<Settings>({
  type: 'steady-state',
  title: 'Steady state',
  about: 'Each probe against its threshold: whether it holds, is broken, or is not known, and how it went.',
  size: { w: 3, h: 5 },
  least: { w: 2, h: 2 },
  settings,
  component: SteadyState,
});
