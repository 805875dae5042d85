import { type FaultReport, type RunRecord } from '../contract/models.ts';
import { injectedFaults, injectionWindow, probesOf, residueOf, STAGES, versionOf } from './facts.ts';
import {
  count,
  deviation,
  effectValue,
  faultTimes,
  figureValue,
  percent,
  pollText,
  PHASE_WORDS,
  span,
  trim,
  utcStamp,
  utcTime,
  verdictKey,
  VERDICT_WORDS,
} from './words.ts';

/** How many points of the series the table shows at most. */
const SERIES_ROWS = 30;

/** The post-mortem in the Markdown that GitHub shows: the same content as the PDF, its charts as a table. */
export function writeMarkdown(record: RunRecord): string {
  const { word, meaning } = VERDICT_WORDS[verdictKey(record)];
  const parts = [
    `# ${block(record.name || 'Unnamed run')}`,
    `**Verdict: ${word}.** ${meaning}`,
    residue(record),
    `> ${block(record.hypothesis || 'No hypothesis was stated.')}`,
    block(record.reason),
    '## Key figures',
    keyFigures(record),
    '## Phases',
    table(
      ['Phase', 'Start (UTC)', 'Took'],
      record.phases.map((each) => [
        PHASE_WORDS[each.name],
        utcTime(each.start, true),
        each.end === null ? 'not ended' : span(each.end - each.start),
      ]),
      'No phase was entered.',
    ),
    '## Steady state',
    steadyState(record),
    ...breach(record),
    '## Success rate, latency and injected faults over time',
    series(record),
    '## Timeline',
    table(
      ['No.', 'Time (UTC)', 'Kind', 'What happened'],
      record.timeline.map(({ seq, at, kind, text }) => [String(seq), utcTime(at, true), kind, text]),
      'No event was recorded.',
    ),
    '## Faults: requested and delivered',
    record.faults.length === 0 ? 'Nothing was injected.' : record.faults.map(fault).join('\n\n'),
    '## Undo proof',
    table(
      ['Fault', 'Before', 'After', 'Reverted'],
      injectedFaults(record).map((each) => [
        `${each.policy} on ${each.target}`,
        each.before ?? 'not read',
        each.after ?? 'not read',
        each.reverted ? 'yes, equal' : `not proven (${each.state})`,
      ]),
      'Nothing was injected, so nothing had to be undone.',
    ),
    '## Guard',
    `Score ${record.guard.score} of 100, ${record.guard.level}. ` +
      `Estimated survival ${percent(record.guard.survival)}. Blast radius ${record.blastRadius} of 5.`,
    table(
      ['Policy', 'Remark', 'What it means'],
      record.guard.issues.map((each) => [each.policy, each.remark, each.message]),
      'The guard had no remarks.',
    ),
    '## Environment',
    table(['', ''], Object.entries(record.environment), 'Nothing was recorded of the environment.'),
    '## The file as it was run',
    record.source.trim() === '' ? 'The record holds no source.' : `${block(record.file)}\n\n${fenced(record.source)}`,
    '---',
    `${inline(record.run)} · seed ${record.seed} · Firebreak ${inline(versionOf(record))} · ` +
      utcStamp(record.endedAt ?? record.startedAt),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function residue(record: RunRecord): string {
  const left = residueOf(record).map(({ policy, target }) => inline(`${policy} on ${target}`));
  return left.length === 0 ? '' : `> [!CAUTION]\n> Not proven undone: ${left.join('; ')}. See the undo proof.`;
}

function keyFigures(record: RunRecord): string {
  const window = injectionWindow(record);
  const injected = injectedFaults(record);
  return table(
    ['', ''],
    [
      ['Started', utcStamp(record.startedAt)],
      ['Took', record.endedAt === null ? 'not ended' : span(record.endedAt - record.startedAt)],
      [
        'Fault active',
        window === null ? 'never' : `${utcTime(window.start, true)} to ${utcTime(window.end, true)} UTC`,
      ],
      [
        'Faults injected',
        injected.length === 0 ? 'nothing was injected' : `${injected.length} of ${record.faults.length}`,
      ],
      [
        'All reverted',
        record.reverted ? 'yes' : `no: ${count(Math.max(1, residueOf(record).length), 'fault')} not proven undone`,
      ],
      ['Recovery time', span(record.recoveryMs)],
      ['Abort', record.abort === null ? 'no condition' : `${record.abort.when}, for ${span(record.abort.forMs)}`],
      ['Exit code', record.exitCode === null ? 'none' : String(record.exitCode)],
    ],
    '',
  );
}

function steadyState(record: RunRecord): string {
  const rows = probesOf(record).flatMap(({ name, expect, describe, stages }) =>
    STAGES.map((stage, index) => {
      const { polls, successRate, p99, value } = stages[stage];
      const first = index === 0 ? [name, expect, describe] : ['', '', ''];
      return [...first, stage, String(polls), percent(successRate), span(p99), value === null ? '–' : trim(value)];
    }),
  );
  return table(
    ['Probe', 'Expected', 'Measures', 'Stage', 'Polls', 'Success rate', 'p99', 'Value'],
    rows,
    'No steady state was stated.',
  );
}

function breach({ breach: sample }: RunRecord): string[] {
  if (sample === null) return [];
  const figures = Object.entries(sample.figures).filter(([, value]) => value !== null);
  return [
    '## The sample that broke it',
    table(
      ['', ''],
      [
        ['Sample', `${sample.seq} of probe ${sample.probe}`],
        ['Time', `${utcTime(sample.at, true)} UTC, ${PHASE_WORDS[sample.phase].toLowerCase()}`],
        ['This poll', pollText(sample)],
        ...figures.map(([name, value]) => [name, figureValue(name, value)]),
      ],
      '',
    ),
  ];
}

function series({ series: points }: RunRecord): string {
  const step = Math.max(1, Math.ceil(points.length / SERIES_ROWS));
  const names = [...new Set(points.flatMap(({ probes }) => Object.keys(probes)))];
  const rows = points
    .filter((_, index) => index % step === 0)
    .flatMap(({ at, probes, faultRate }) => {
      const rate = Object.values(faultRate).reduce((sum, each) => sum + each, 0);
      return names.map((name) => {
        const own = probes[name];
        return [
          utcTime(at),
          name,
          percent(own?.successRate),
          span(own?.p50),
          span(own?.p95),
          span(own?.p99),
          trim(rate, 2),
        ];
      });
    });
  const note = step === 1 ? '' : `\n\nEvery ${step}th of ${points.length} points; the JSON report holds all.`;
  const heads = ['Time (UTC)', 'Probe', 'Success rate', 'p50', 'p95', 'p99', 'Faults/s'];
  return `${table(heads, rows, 'Nothing was measured over time.')}${note}`;
}

function fault(each: FaultReport): string {
  const rows = each.effect.figures.map((figure) => [
    figure.name,
    figure.requested === null ? '–' : effectValue(figure.requested, figure.unit),
    effectValue(figure.delivered, figure.unit),
    deviation(figure) || '–',
    String(figure.samples),
  ]);
  return [
    `### ${inline(`${each.policy} (${each.type}) on ${each.target}`)}`,
    block(`${each.explain} ${faultTimes(each)} ${each.effect.detail} ${each.note}`.trim()),
    inline(`Undo: ${each.inverse}`),
    table(
      ['Effect', 'Requested', 'Delivered', 'Deviation', 'Measurements'],
      rows,
      'No figure of its effect was measured.',
    ),
  ].join('\n\n');
}

function table(heads: readonly string[], rows: readonly (readonly string[])[], empty: string): string {
  if (rows.length === 0) return empty;
  const line = (cells: readonly string[]): string => `| ${cells.map(inline).join(' | ')} |`;
  return [line(heads), `|${heads.map(() => ' --- ').join('|')}|`, ...rows.map(line)].join('\n');
}

/** Text as it is: nothing in it may become markup or end a table cell. What could not is left readable. */
function inline(text: string): string {
  return text
    .replaceAll(/[\\`*[\]|~]/g, '\\$&')
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
    .replaceAll(/<(?=[A-Za-z/!?])/g, '\\<')
    .replaceAll(/&(?=#?\w+;)/g, '\\&')
    .replaceAll(/\s*[\r\n]+\s*/g, '<br>');
}

/** The same where it begins a line, and could begin a heading, a quotation or a list. */
const block = (text: string): string =>
  inline(text.trimStart())
    .replace(/^[#>+=-]/, '\\$&')
    .replace(/^\d+(?=[.)])/, '$&\\');

/** A fence longer than any run of backticks within. */
function fenced(source: string): string {
  const longest = (source.match(/`+/g) ?? []).reduce((most, run) => Math.max(most, run.length), 2);
  const fence = '`'.repeat(longest + 1);
  return `${fence}yaml\n${source.trimEnd()}\n${fence}`;
}
