import { createHash } from 'node:crypto';
import { type FaultReport, type RunRecord } from '../../contract/models.ts';
import { injectedFaults, type ProbeFacts, probesOf, STAGES } from '../facts.ts';
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
  utcDate,
  utcStamp,
  utcTime,
} from '../words.ts';
import { CONTENT, INK, PAGE, type Sheet, TYPE } from './sheet.ts';
import { drawSign } from './signs.ts';
import { drawTable } from './table.ts';

/** The sections after the charts: each from the record, each with something to say when there is nothing. */

/** The poll that broke the run, in full. */
export function breachSection(sheet: Sheet, record: RunRecord): void {
  const { breach } = record;
  if (breach === null) return;
  const title =
    record.verdict === 'aborted' ? 'The sample that broke the run' : 'The sample that broke the steady state';
  sheet.section(title, 130);
  const rows: [string, string][] = [
    ['Sample', `${breach.seq} of probe ${breach.probe}`],
    [
      'Time',
      `${utcDate(breach.at)} ${utcTime(breach.at, true)} UTC, in the phase ${PHASE_WORDS[breach.phase].toLowerCase()}`,
    ],
    ['This poll', pollText(breach)],
    ['Expected', record.steadyState.find(({ name }) => name === breach.probe)?.expect ?? ''],
    ['Abort condition', record.abort === null ? '' : `${record.abort.when}, for ${span(record.abort.forMs)}`],
    ['Figures', figuresText(breach.figures)],
  ];
  pairs(
    sheet,
    rows.filter(([, text]) => text !== ''),
  );
}

export const figuresText = (figures: Readonly<Record<string, number | null>>): string =>
  Object.entries(figures)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${figureValue(name, value)}`.replaceAll(' ', '\u00a0'))
    .join(' · ') || 'no figures were measured';

export function timelineSection(sheet: Sheet, { timeline }: RunRecord): void {
  sheet.section('Timeline');
  if (timeline.length === 0) return sheet.flow('No event was recorded.', TYPE.bodyMuted);
  drawTable(
    sheet,
    [
      { title: 'No.', width: 32, align: 'right', type: TYPE.tableMuted },
      { title: 'Time (UTC)', width: 58 },
      { title: 'Kind', width: 66, type: TYPE.tableMuted, maxLines: 2 },
      { title: 'What happened', width: 'rest', maxLines: 8 },
    ],
    timeline.map(({ seq, at, kind, text }) => [String(seq), utcTime(at, true), kind, text]),
  );
}

export function steadyStateSection(sheet: Sheet, record: RunRecord): void {
  sheet.section('Steady state');
  const probes = probesOf(record);
  if (probes.length === 0)
    return sheet.flow('The file states no steady state and nothing was measured.', TYPE.bodyMuted);
  drawTable(
    sheet,
    [
      { title: 'Probe', width: 82, maxLines: 6 },
      { title: 'Expected, and how it is measured', width: 'rest', maxLines: 8 },
      { title: '', width: 34, type: TYPE.tableMuted },
      { title: 'Polls', width: 30, align: 'right' },
      { title: 'Success', width: 54, align: 'right' },
      { title: 'p99', width: 54, align: 'right' },
      { title: 'Value', width: 44, align: 'right' },
    ],
    probes.flatMap((probe) => STAGES.map((stage, index) => stageRow(probe, stage, index === 0))),
  );
  sheet.y += 6;
  sheet.flow(
    'Before: steady state and baseline. During: inject and observe. After: recovery. Success is the share of polls ' +
      'that succeeded, p99 the nearest rank over the latencies of all polls of the stage.',
    TYPE.label,
  );
}

function stageRow(
  { name, describe, expect, stages }: ProbeFacts,
  stage: (typeof STAGES)[number],
  first: boolean,
): string[] {
  const { polls, successRate, p99, value } = stages[stage];
  const what = first ? [name, [expect, describe].filter((text) => text !== '').join('\n')] : ['', ''];
  const figures = [
    successRate === null ? '–' : percent(successRate),
    p99 === null ? '–' : span(p99),
    value === null ? '–' : trim(value),
  ];
  return [...what, stage, String(polls), ...figures];
}

/** Requested against delivered, fault by fault. */
export function faultSection(sheet: Sheet, record: RunRecord): void {
  sheet.section('Faults: requested and delivered', 110);
  if (record.faults.length === 0) {
    return sheet.flow(
      'Nothing was injected: the run ended before a fault was planned, or the file has none.',
      TYPE.bodyMuted,
    );
  }
  for (const fault of record.faults) drawFault(sheet, fault);
}

/** A sentence of a fault as long as a reader will read; the JSON report holds it whole. */
const clip = (text: string): string => (text.length > 1_200 ? `${text.slice(0, 1_200)}…` : text);

function drawFault(sheet: Sheet, fault: FaultReport): void {
  const { effect } = fault;
  sheet.need(96);
  sheet.y +=
    sheet.block(`${fault.policy} (${fault.type}) on ${fault.target}`, PAGE.left, sheet.y, CONTENT, TYPE.sub, 3) + 1;
  sheet.flow(clip(fault.explain));
  const bite =
    fault.injectedAt === null ? '' : effect.bitten ? ' The effect was measured.' : ' No effect was measured.';
  const remarks = [effect.detail, fault.note].filter((text) => text !== '').map((text) => clip(sentence(text)));
  sheet.flow([`${faultTimes(fault)}${bite}`, ...remarks].join(' '), TYPE.bodyMuted);
  sheet.y += 4;
  if (effect.figures.length > 0) {
    drawTable(
      sheet,
      [
        { title: 'Effect', width: 'rest' },
        { title: 'Requested', width: 80, align: 'right' },
        { title: 'Delivered', width: 80, align: 'right' },
        { title: 'Deviation', width: 60, align: 'right' },
        { title: 'Measurements', width: 66, align: 'right' },
      ],
      effect.figures.map((figure) => [
        figure.name,
        figure.requested === null ? '–' : effectValue(figure.requested, figure.unit),
        effectValue(figure.delivered, figure.unit),
        deviation(figure) || '–',
        String(figure.samples),
      ]),
    );
  } else sheet.flow('No figure of its effect was measured.', TYPE.label);
  sheet.y += 14;
}

/** With a capital at the start and a stop at the end. */
const sentence = (text: string): string => `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

/** Fingerprint before against fingerprint after, for every fault that touched the world. */
export function undoSection(sheet: Sheet, record: RunRecord): void {
  sheet.section('Undo proof', 100);
  const injected = injectedFaults(record);
  if (injected.length === 0) return sheet.flow('Nothing was injected, so nothing had to be undone.', TYPE.bodyMuted);
  sheet.flow(
    'Each fault takes a fingerprint of what it touches before it changes anything, and again after it was undone. ' +
      'A fault counts as reverted only when both are equal.',
    TYPE.bodyMuted,
  );
  sheet.y += 8;
  for (const fault of injected) drawProof(sheet, fault);
}

function drawProof(sheet: Sheet, fault: FaultReport): void {
  const before = fingerprint(fault.before);
  const after = fingerprint(fault.after);
  const width = CONTENT - 62;
  const title = `${fault.policy} on ${fault.target}`;
  const undo = `${fault.reversible ? 'Undone by' : 'Cannot be undone by Firebreak'}: ${fault.inverse}`;
  const height = 30 + [before, after].reduce((sum, text) => sum + sheet.heightOf(text, width, TYPE.mono, 3), 0);
  sheet.need(
    height + sheet.heightOf(title, CONTENT - 110, TYPE.sub, 2) + sheet.heightOf(undo, CONTENT - 16, TYPE.body, 3),
  );
  const color = fault.reverted ? INK.good : INK.bad;
  drawSign(sheet, fault.reverted ? 'check' : 'triangle', PAGE.left + 5, sheet.y + 5.5, 4.5, color);
  const state = fault.reverted ? 'equal: reverted' : `not proven: ${fault.state}`;
  sheet.line(state, PAGE.left, sheet.y, { ...TYPE.sub, color }, { width: CONTENT, align: 'right' });
  sheet.y += sheet.block(title, PAGE.left + 16, sheet.y, CONTENT - 126, TYPE.sub, 2) + 1;
  sheet.y += sheet.block(undo, PAGE.left + 16, sheet.y, CONTENT - 16, TYPE.bodyMuted, 3) + 3;
  for (const [label, text] of [
    ['before', before],
    ['after', after],
  ] as const) {
    sheet.line(label, PAGE.left + 16, sheet.y + 0.5, TYPE.label);
    sheet.y += sheet.block(text, PAGE.left + 58, sheet.y, width, TYPE.mono, 3) + 1;
  }
  sheet.y += 10;
}

/** A long fingerprint keeps both ends and a hash of the whole, so that two can still be told apart. */
export function fingerprint(text: string | null): string {
  if (text === null) return 'not read';
  if (text.length <= 160) return text.replaceAll(/\s+/g, ' ') || '(empty)';
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const [head, tail] = [text.slice(0, 72), text.slice(-32)].map((part) => part.replaceAll(/\s+/g, ' '));
  return `${head}…${tail} (${text.length} characters, SHA-256 ${hash}…)`;
}

export function guardSection(sheet: Sheet, { guard, blastRadius }: RunRecord): void {
  sheet.section('Guard');
  sheet.flow(
    `Score ${guard.score} of 100, ${guard.level}. Estimated survival ${percent(guard.survival)}. ` +
      `Blast radius ${blastRadius} of 5.`,
  );
  sheet.y += 6;
  if (guard.issues.length === 0) return sheet.flow('The guard had no remarks.', TYPE.bodyMuted);
  drawTable(
    sheet,
    [
      { title: 'Policy', width: 120, maxLines: 3 },
      { title: 'Remark', width: 84, type: TYPE.tableMuted },
      { title: 'What it means', width: 'rest' },
    ],
    guard.issues.map(({ policy, remark, message }) => [policy, remark, message]),
  );
}

export function environmentSection(sheet: Sheet, record: RunRecord): void {
  sheet.section('Environment');
  const rows: [string, string][] = [
    ['Run', record.run],
    ['Seed', String(record.seed)],
    ['Started', utcStamp(record.startedAt)],
    ['Ended', record.endedAt === null ? 'not ended' : utcStamp(record.endedAt)],
    ['Exit code', record.exitCode === null ? 'none' : String(record.exitCode)],
    ['Recorded', `${count(record.samples.length, 'sample')}, ${count(record.timeline.length, 'event')}`],
  ];
  pairs(sheet, [...rows, ...Object.entries(record.environment)]);
}

function pairs(sheet: Sheet, rows: readonly (readonly [string, string])[]): void {
  for (const [label, text] of rows) {
    const height =
      Math.max(sheet.heightOf(label, 108, TYPE.tableMuted, 2), sheet.heightOf(text, CONTENT - 122, TYPE.table, 12)) + 5;
    sheet.need(height);
    sheet.block(label, PAGE.left, sheet.y + 2, 108, TYPE.tableMuted, 2);
    sheet.block(text, PAGE.left + 122, sheet.y + 2, CONTENT - 122, TYPE.table, 12);
    sheet.y += height;
    sheet.rule(PAGE.left, sheet.y - 0.5, CONTENT);
  }
}

/** Two pages of the file at most: more is in the JSON report. */
const SOURCE_PAGES = 2;

export function sourceSection(sheet: Sheet, record: RunRecord): void {
  sheet.section('The file as it was run', 80);
  sheet.flow(record.file || 'No file name was recorded.', TYPE.label);
  sheet.y += 4;
  if (record.source.trim() === '') return sheet.flow('The record holds no source.', TYPE.bodyMuted);
  const height = TYPE.mono.size * TYPE.mono.lead;
  const perPage = Math.floor((PAGE.height - PAGE.top - PAGE.bottom) / height);
  const most = perPage * SOURCE_PAGES;
  const source = record.source.trimEnd().split('\n');
  const gutter = 30;
  let drawn = 0;
  for (const [index, text] of source.entries()) {
    const lines = sheet.wrap(text.slice(0, 20_000), CONTENT - gutter, TYPE.mono, most - drawn + 1);
    for (const [part, line] of lines.entries()) {
      if (drawn++ >= most) return cutNote(sheet, source.length - index);
      sheet.need(height);
      if (part === 0)
        sheet.line(
          String(index + 1),
          PAGE.left,
          sheet.y,
          { ...TYPE.mono, color: INK.faint },
          { width: 20, align: 'right' },
        );
      sheet.line(line, PAGE.left + gutter, sheet.y, TYPE.mono);
      sheet.y += height;
    }
  }
}

function cutNote(sheet: Sheet, left: number): void {
  sheet.y += 6;
  sheet.flow(`Cut here: ${count(left, 'more line')}. The JSON report holds the whole file.`, TYPE.bodyMuted);
}
