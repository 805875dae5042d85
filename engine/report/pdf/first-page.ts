import { type RunRecord } from '../../contract/models.ts';
import { injectedFaults, mainProbe, type ProbeFacts, residueOf, runSpan, STAGES, type StageFigures } from '../facts.ts';
import { count, percent, PHASE_WORDS, span, trim, utcStamp, verdictKey, VERDICT_WORDS } from '../words.ts';
import { successChart } from './figures.ts';
import { chartHeight, drawChart, PLOT, xOf } from './chart.ts';
import { type Box, CONTENT, INK, PAGE, type Sheet, TYPE } from './sheet.ts';
import { drawSign, type Sign, verdictChip } from './signs.ts';

/** What may stand on the first page; the full text of what is longer follows at the end of the report. */
export const FIRST_PAGE_LINES = { name: 2, hypothesis: 5, reason: 4 } as const;

/** The page for whoever reads only one: what was asked, what came out, and what it looked like. */
export function drawFirstPage(sheet: Sheet, record: RunRecord): void {
  sheet.line('POST-MORTEM', PAGE.left, sheet.y, { ...TYPE.tableHead, color: INK.muted });
  sheet.line(utcStamp(record.startedAt), PAGE.left, sheet.y, TYPE.label, { width: CONTENT, align: 'right' });
  sheet.y += 15;
  sheet.y +=
    sheet.block(record.name || 'Unnamed run', PAGE.left, sheet.y, CONTENT, TYPE.title, FIRST_PAGE_LINES.name) + 12;
  drawVerdict(sheet, record);
  residueBanner(sheet, record);
  sheet.y += 19;
  paragraph(sheet, 'HYPOTHESIS', record.hypothesis || 'None was stated.', TYPE.hypothesis, FIRST_PAGE_LINES.hypothesis);
  paragraph(sheet, 'WHY THIS VERDICT', record.reason || 'The run gives no reason.', TYPE.body, FIRST_PAGE_LINES.reason);
  drawFigures(sheet, record);
  sheet.y += 18;
  // The chart takes what the texts leave, within reason.
  const spare = sheet.room - chartHeight(successChart(record, 0)) - phasesHeight(record);
  drawChart(sheet, successChart(record, Math.min(250, Math.max(90, spare))));
  drawPhases(sheet, record);
}

function drawVerdict(sheet: Sheet, record: RunRecord): void {
  const key = verdictKey(record);
  const width = verdictChip(sheet, key, PAGE.left, sheet.y);
  const took = record.endedAt === null ? '' : ` The run took ${span(record.endedAt - record.startedAt)}.`;
  sheet.line(`${VERDICT_WORDS[key].meaning}${took}`, PAGE.left + width + 12, sheet.y + 7, TYPE.bodyMuted, {
    width: CONTENT - width - 12,
  });
  sheet.y += 25;
}

/** What stayed behind outranks every other news. */
function residueBanner(sheet: Sheet, record: RunRecord): void {
  const residue = residueOf(record);
  if (residue.length === 0) return;
  const targets = residue.map(({ policy, target }) => `${policy} on ${target}`).join('; ');
  const text = `Not proven undone: ${targets}. See "Undo proof"; "firebreak recover" clears what is still open.`;
  const type = { ...TYPE.body, color: INK.bad };
  const height = sheet.heightOf(text, CONTENT - 42, type, 3) + 14;
  sheet.y += 10;
  sheet.panel({ x: PAGE.left, y: sheet.y, width: CONTENT, height }, '#fbeceb');
  drawSign(sheet, 'triangle', PAGE.left + 17, sheet.y + 14, 7, INK.bad, INK.white);
  sheet.block(text, PAGE.left + 32, sheet.y + 7, CONTENT - 42, type, 3);
  sheet.y += height;
}

function paragraph(
  sheet: Sheet,
  label: string,
  text: string,
  type: (typeof TYPE)[keyof typeof TYPE],
  lines: number,
): void {
  sheet.line(label, PAGE.left, sheet.y, TYPE.tableHead);
  sheet.y += 12;
  sheet.y += sheet.block(text, PAGE.left, sheet.y, CONTENT, type, lines) + 12;
}

interface Card {
  readonly label: string;
  readonly value: string;
  readonly note: string;
  readonly sign?: { readonly shape: Sign; readonly color: string };
}

function drawFigures(sheet: Sheet, record: RunRecord): void {
  const probe = mainProbe(record);
  const gap = 10;
  const half = (CONTENT - gap) / 2;
  const row = { y: sheet.y, width: half, height: 62 };
  const value = probe !== undefined && STAGES.some((stage) => probe.stages[stage].value !== null);
  const [title, read] = value
    ? (['Measured value (mean)', (each: StageFigures) => (each.value === null ? '–' : trim(each.value))] as const)
    : (['Success rate', (each: StageFigures) => dash(each.successRate, percent)] as const);
  threeStages(sheet, { x: PAGE.left, ...row }, title, probe, read);
  threeStages(sheet, { x: PAGE.left + half + gap, ...row }, 'p99 latency', probe, (each) => dash(each.p99, span));
  sheet.y += row.height + gap;
  const cards = [recoveryCard(record), faultCard(record), revertCard(record), guardCard(record)];
  const width = (CONTENT - gap * 3) / 4;
  cards.forEach((card, index) =>
    drawCard(sheet, { x: PAGE.left + index * (width + gap), y: sheet.y, width, height: 52 }, card),
  );
  sheet.y += 52;
}

const dash = (value: number | null, format: (value: number) => string): string =>
  value === null ? '–' : format(value);

function threeStages(
  sheet: Sheet,
  box: Box,
  title: string,
  probe: ProbeFacts | undefined,
  read: (each: StageFigures) => string,
): void {
  sheet.panel(box);
  const inner = box.width - 20;
  sheet.line(probe === undefined ? title : `${title} of ${probe.name}`, box.x + 10, box.y + 8, TYPE.label, {
    width: inner,
  });
  STAGES.forEach((stage, index) => {
    const x = box.x + 10 + (index * inner) / 3;
    const figures = probe?.stages[stage];
    sheet.line(figures === undefined ? '–' : read(figures), x, box.y + 22, TYPE.figure, { width: inner / 3 - 4 });
    sheet.line(`${stage} · ${count(figures?.polls ?? 0, 'poll')}`, x, box.y + 43, TYPE.label, { width: inner / 3 - 4 });
  });
}

function drawCard(sheet: Sheet, box: Box, { label, value, note, sign }: Card): void {
  sheet.panel(box);
  const inner = box.width - 20;
  sheet.line(label, box.x + 10, box.y + 7, TYPE.label, { width: inner });
  const shift = sign === undefined ? 0 : 17;
  if (sign !== undefined) drawSign(sheet, sign.shape, box.x + 16, box.y + 26, 6, sign.color, INK.panel);
  sheet.line(
    value,
    box.x + 10 + shift,
    box.y + 18,
    { ...TYPE.figure, color: sign?.color ?? INK.text },
    { width: inner - shift },
  );
  sheet.line(note, box.x + 10, box.y + 37, TYPE.label, { width: inner });
}

const recoveryCard = ({ recoveryMs, faults }: RunRecord): Card => ({
  label: 'Recovery time',
  value: recoveryMs === null ? '–' : span(recoveryMs),
  note: recoveryMs !== null ? 'until steady again' : faults.length === 0 ? 'nothing to recover from' : 'none measured',
});

function faultCard(record: RunRecord): Card {
  const injected = injectedFaults(record);
  const bitten = injected.filter(({ effect }) => effect.bitten).length;
  const note = injected.length === 0 ? 'nothing was injected' : `${bitten} with measured effect`;
  return { label: 'Faults injected', value: `${injected.length} of ${record.faults.length}`, note };
}

function revertCard(record: RunRecord): Card {
  const injected = injectedFaults(record).length;
  const residue = residueOf(record).length;
  if (injected === 0 && record.reverted)
    return { label: 'All reverted', value: 'Yes', note: 'nothing had to be', sign: GOOD };
  return residue === 0 && record.reverted
    ? { label: 'All reverted', value: 'Yes', note: 'compared before and after', sign: GOOD }
    : {
        label: 'All reverted',
        value: 'No',
        note: `${count(Math.max(1, residue), 'fault')} not proven undone`,
        sign: BAD,
      };
}
const GOOD = { shape: 'check', color: INK.good } as const;
const BAD = { shape: 'triangle', color: INK.bad } as const;

const guardCard = ({ guard, blastRadius }: RunRecord): Card => ({
  label: 'Guard score',
  value: `${guard.score} ${guard.level.charAt(0)}${guard.level.slice(1).toLowerCase()}`,
  note: `blast radius ${blastRadius} of 5`,
});

const PHASE_COLORS = ['#dfe5ea', '#cfd8e0', '#efc58e', '#f4d9b3', '#dcd3e6', '#cfe3d6', '#e6e9ec'] as const;
const PHASE_ORDER = Object.keys(PHASE_WORDS);

const MOST_PHASES = 12;
const phasesHeight = ({ phases }: RunRecord): number =>
  phases.length === 0 ? 0 : 16 + Math.ceil(Math.min(phases.length, MOST_PHASES) / 4) * 11;

/** The phases below the chart, on its time axis; each named with how long it took. */
function drawPhases(sheet: Sheet, record: RunRecord): void {
  if (record.phases.length === 0) return;
  const range = runSpan(record);
  sheet.line('phases', PAGE.left, sheet.y + 1, TYPE.axis, { width: PLOT.x - PAGE.left - 6, align: 'right' });
  const shown = record.phases.slice(0, MOST_PHASES);
  for (const { name, start, end } of shown) {
    const x = xOf(range, start);
    const width = Math.max(0.6, xOf(range, end ?? range.end) - x);
    sheet.doc.rect(x, sheet.y, width, 10).fill(colorOf(name));
    if (width > 1.5) sheet.doc.rect(x + width - 0.6, sheet.y, 0.6, 10).fill(INK.white);
  }
  sheet.y += 16;
  const width = PLOT.width / 4;
  shown.forEach(({ name, start, end }, index) => {
    const x = PLOT.x + (index % 4) * width;
    const y = sheet.y + Math.floor(index / 4) * 11;
    sheet.doc.rect(x, y + 0.5, 7, 7).fill(colorOf(name));
    const took = end === null ? 'not ended' : span(end - start);
    sheet.line(`${PHASE_WORDS[name]} ${took}`, x + 11, y, TYPE.label, { width: width - 13 });
  });
  sheet.y += Math.ceil(shown.length / 4) * 11;
}

const colorOf = (name: string): string => PHASE_COLORS[PHASE_ORDER.indexOf(name)] ?? INK.line;
