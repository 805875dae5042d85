import { type RunRecord } from '../../contract/models.ts';
import { mainProbe, probesOf, STAGES, versionOf } from '../facts.ts';
import { utcStamp, verdictKey, VERDICT_WORDS } from '../words.ts';
import { chartHeight, drawChart } from './chart.ts';
import { faultChart, latencyChart } from './figures.ts';
import { drawFirstPage, FIRST_PAGE_LINES } from './first-page.ts';
import {
  breachSection,
  environmentSection,
  faultSection,
  guardSection,
  sourceSection,
  steadyStateSection,
  timelineSection,
  undoSection,
} from './sections.ts';
import { CONTENT, PAGE, Sheet, type Style, TYPE } from './sheet.ts';

/** More probes than this get no latency chart of their own; their figures stand in the table. */
const LATENCY_CHARTS = 4;
/** Longer texts are cut at this many characters; the JSON report holds them whole. */
const FULL_TEXT = 8_000;

/**
 * The post-mortem of one run as a PDF: A4, at least two pages, text that can be searched, charts as vectors. Times are
 * UTC. Takes nothing but the record.
 */
export async function writePdf(record: RunRecord): Promise<Buffer> {
  const sheet = new Sheet({
    title: `${record.name || 'Run'}: ${VERDICT_WORDS[verdictKey(record)].word}`,
    subject: `Post-mortem of Firebreak run ${record.run}`,
    createdAt: record.endedAt ?? record.startedAt,
  });
  sheet.doc.outline.addItem('Summary');
  drawFirstPage(sheet, record);
  sheet.newPage();
  charts(sheet, record);
  breachSection(sheet, record);
  timelineSection(sheet, record);
  steadyStateSection(sheet, record);
  faultSection(sheet, record);
  undoSection(sheet, record);
  guardSection(sheet, record);
  environmentSection(sheet, record);
  sourceSection(sheet, record);
  fullTexts(sheet, record);
  if (sheet.lostLetters) {
    sheet.gap(14);
    sheet.flow(
      'Letters that the fonts of this document lack stand as "?". The JSON and Markdown reports hold them.',
      TYPE.label,
    );
  }
  return sheet.finish((page, pages) => footer(sheet, record, page, pages));
}

function charts(sheet: Sheet, record: RunRecord): void {
  sheet.section('Latency and injected faults', 200);
  const probes = probesOf(record);
  const timed = probes
    .filter(({ stages }) => STAGES.some((stage) => stages[stage].p99 !== null))
    .map(({ name }) => name);
  const first = mainProbe(record, probes)?.name ?? '';
  const shown = [first, ...timed.filter((name) => name !== first)].slice(0, LATENCY_CHARTS);
  for (const probe of shown) drawChart(sheet, latencyChart(record, probe, 140));
  sheet.gap(10);
  const faults = faultChart(record, 110);
  sheet.need(chartHeight(faults));
  drawChart(sheet, faults);
}

/** What the first page had to shorten, in full. */
function fullTexts(sheet: Sheet, record: RunRecord): void {
  const texts: [string, string, Style, number][] = [
    ['Name in full', record.name, TYPE.title, FIRST_PAGE_LINES.name],
    ['Hypothesis in full', record.hypothesis, TYPE.hypothesis, FIRST_PAGE_LINES.hypothesis],
    ['Reason in full', record.reason, TYPE.body, FIRST_PAGE_LINES.reason],
  ];
  for (const [title, text, type, lines] of texts) {
    if (sheet.wrap(text, CONTENT, type, lines + 1).length <= lines) continue;
    sheet.section(title);
    const cut =
      text.length > FULL_TEXT
        ? `${text.slice(0, FULL_TEXT)}… (${text.length} characters; the JSON report holds all)`
        : text;
    sheet.flow(cut);
  }
}

function footer(sheet: Sheet, record: RunRecord, page: number, pages: number): void {
  const y = PAGE.height - 44;
  const version = versionOf(record);
  sheet.rule(PAGE.left, y - 8, CONTENT);
  const parts = [
    record.run,
    `Firebreak${version === '' ? '' : ` ${version}`}`,
    utcStamp(record.endedAt ?? record.startedAt),
  ];
  sheet.line(parts.join('   ·   '), PAGE.left, y, TYPE.label, { width: CONTENT - 70 });
  sheet.line(`Page ${page} of ${pages}`, PAGE.left, y, TYPE.label, { width: CONTENT, align: 'right' });
}
