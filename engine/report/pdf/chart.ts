import { type TimeSpan } from '../facts.ts';
import { type Point, type Scale, thin, timeTicks } from './axes.ts';
import { type Box, INK, PAGE, CONTENT, type Sheet, TYPE } from './sheet.ts';

export interface Line {
  readonly label: string;
  readonly color: string;
  /** Lengths of dash and gap in points; undefined for a solid line. Lines differ by dash as well as by colour. */
  readonly dash?: readonly [number, number];
  readonly points: readonly Point[];
  /** Drawn as steps over a light area: for rates, each over the time since the point before. */
  readonly steps?: boolean;
}
export interface Mark {
  readonly value: number;
  readonly label: string;
  readonly color: string;
}
export interface TimeChart {
  readonly title: string;
  /** Unit of the vertical axis. */
  readonly unit: string;
  readonly span: TimeSpan;
  readonly scale: Scale;
  readonly format: (value: number) => string;
  readonly lines: readonly Line[];
  readonly window: TimeSpan | null;
  readonly windowLabel: string;
  readonly marks: readonly Mark[];
  /** One moment that matters, ringed. */
  readonly spot?: { readonly at: number; readonly value: number; readonly label: string };
  /** What stands in the plot when there is nothing to draw. */
  readonly empty: string;
  readonly height: number;
}

const GUTTER = 38;
/** Where every chart plots: the same columns, so that charts and the phase bar line up down the page. */
export const PLOT = { x: PAGE.left + GUTTER, width: CONTENT - GUTTER } as const;
const HEAD = 16;
const FOOT = 24;
const LEGEND_GAP = 7;
/** The height of a chart with its title, legend and axis. */
export const chartHeight = (chart: TimeChart): number =>
  chart.height + HEAD + FOOT + LEGEND_GAP + legendRows(chart) * 11;
const legendRows = ({ lines }: TimeChart): number => (lines.length > 0 ? Math.ceil(lines.length / 3) : 0);

export const xOf = ({ start, end }: TimeSpan, at: number): number =>
  PLOT.x + ((Math.min(Math.max(at, start), end) - start) / (end - start)) * PLOT.width;

/** Draws a chart over time at the sheet's `y`, on one page, and moves below it. */
export function drawChart(sheet: Sheet, chart: TimeChart): void {
  sheet.need(chartHeight(chart));
  const unitWidth = sheet.width(sheet.letters(chart.unit), TYPE.label);
  sheet.line(chart.title, PAGE.left, sheet.y, TYPE.sub, { width: CONTENT - unitWidth - 16 });
  sheet.line(chart.unit, PAGE.left, sheet.y + 1.5, TYPE.label, { width: CONTENT, align: 'right' });
  sheet.y += HEAD;
  if (isEmpty(chart)) return drawEmpty(sheet, chart);
  legend(sheet, chart);
  const plot: Box = { ...PLOT, y: sheet.y + 4, height: chart.height };
  drawWindow(sheet, chart, plot);
  const yOf = (value: number): number => {
    const share = (value - chart.scale.min) / (chart.scale.max - chart.scale.min);
    return plot.y + plot.height * (1 - Math.min(Math.max(share, 0), 1));
  };
  for (const tick of chart.scale.ticks) {
    sheet.rule(plot.x, yOf(tick), plot.width, tick === chart.scale.min ? INK.faint : INK.line);
    sheet.line(chart.format(tick), PAGE.left, yOf(tick) - 4, TYPE.axis, { width: GUTTER - 6, align: 'right' });
  }
  drawTimes(sheet, chart.span, plot);
  for (const line of chart.lines) drawLine(sheet, line, chart, yOf);
  const marks = chart.marks.filter(({ value }) => value >= chart.scale.min && value <= chart.scale.max);
  const taken: Box[] = marks.map(({ value }) => ({ x: plot.x, y: yOf(value) - 0.5, width: plot.width, height: 1 }));
  for (const mark of marks) drawMark(sheet, mark, plot, yOf(mark.value), taken);
  windowLabel(sheet, chart, plot);
  drawSpot(sheet, chart, plot, yOf);
  sheet.y = plot.y + plot.height + FOOT - 4;
}

const isEmpty = ({ lines }: TimeChart): boolean =>
  lines.every(({ points }) => points.every(({ value }) => value === null));
const EMPTY_HEIGHT = 44;

/** A field with a sentence: axes without data would only look like a fault of the report. */
function drawEmpty(sheet: Sheet, { empty }: TimeChart): void {
  sheet.panel({ x: PAGE.left, y: sheet.y, width: CONTENT, height: EMPTY_HEIGHT });
  sheet.line(empty, PAGE.left, sheet.y + EMPTY_HEIGHT / 2 - 5, TYPE.bodyMuted, { width: CONTENT, align: 'center' });
  sheet.y += EMPTY_HEIGHT + 14;
}

function legend(sheet: Sheet, chart: TimeChart): void {
  const width = CONTENT / 3;
  chart.lines.forEach((line, index) => {
    const x = PAGE.left + (index % 3) * width;
    const y = sheet.y + Math.floor(index / 3) * 11;
    stroke(sheet, line, 1.6);
    sheet.doc
      .moveTo(x, y + 4)
      .lineTo(x + 18, y + 4)
      .stroke()
      .undash();
    sheet.line(line.label, x + 23, y, TYPE.label, { width: width - 30 });
  });
  sheet.y += legendRows(chart) * 11 + LEGEND_GAP;
}

function stroke({ doc }: Sheet, { color, dash }: Line, width: number): void {
  doc.lineWidth(width).strokeColor(color).lineJoin('round').lineCap('butt');
  if (dash === undefined) doc.undash();
  else doc.dash(dash[0], { space: dash[1] });
}

function drawWindow({ doc }: Sheet, { window, span }: TimeChart, plot: Box): void {
  if (window === null) return;
  const x = xOf(span, window.start);
  const width = Math.max(1, xOf(span, window.end) - x);
  doc.rect(x, plot.y, width, plot.height).fill(INK.window);
  doc.lineWidth(0.7).strokeColor(INK.windowEdge).dash(2, { space: 2 });
  for (const edge of [x, x + width])
    doc
      .moveTo(edge, plot.y)
      .lineTo(edge, plot.y + plot.height)
      .stroke();
  doc.undash();
}

/** Above the plot, over the middle of the window, where no line can cross it. */
function windowLabel(sheet: Sheet, { window, span, windowLabel: label }: TimeChart, plot: Box): void {
  if (window === null) return;
  const width = sheet.width(sheet.letters(label), TYPE.axis);
  const middle = (xOf(span, window.start) + xOf(span, window.end)) / 2;
  const x = Math.min(Math.max(middle - width / 2, plot.x), plot.x + plot.width - width);
  sheet.line(label, x, plot.y - 9, { ...TYPE.axis, color: INK.warn });
}

function drawTimes(sheet: Sheet, span: TimeSpan, plot: Box): void {
  const bottom = plot.y + plot.height;
  const ticks = timeTicks(span, 7);
  let free: number = plot.x;
  for (const { at, label } of ticks) {
    const x = xOf(span, at);
    sheet.doc
      .moveTo(x, bottom)
      .lineTo(x, bottom + 3)
      .lineWidth(0.6)
      .strokeColor(INK.faint)
      .stroke();
    const width = sheet.width(label, TYPE.axis);
    const left = Math.min(Math.max(x - width / 2, plot.x), plot.x + plot.width - width);
    if (left < free) continue;
    sheet.line(label, left, bottom + 5, TYPE.axis);
    free = left + width + 6;
  }
  sheet.line('UTC', PAGE.left, bottom + 5, TYPE.axis, { width: GUTTER - 6, align: 'right' });
}

function drawLine(sheet: Sheet, line: Line, chart: TimeChart, yOf: (value: number) => number): void {
  const { doc } = sheet;
  const points = thin(line.points, chart.span, Math.floor(PLOT.width));
  for (const stretch of stretches(points)) {
    const path = stretch.map(({ at, value }) => [xOf(chart.span, at), yOf(value)] as const);
    const [first, ...rest] = path;
    if (first === undefined) continue;
    if (line.steps === true && chart.lines.length <= 2) area(doc, line, path, yOf(chart.scale.min));
    stroke(sheet, line, 1.3);
    if (rest.length === 0) doc.circle(first[0], first[1], 1.4).fill(line.color);
    doc.moveTo(...first);
    let last = first;
    for (const next of rest) {
      if (line.steps === true) doc.lineTo(last[0], next[1]);
      doc.lineTo(...next);
      last = next;
    }
    doc.stroke().undash();
  }
}

function area(
  doc: PDFKit.PDFDocument,
  { color }: Line,
  path: readonly (readonly [number, number])[],
  floor: number,
): void {
  const [first] = path;
  const end = path.at(-1);
  if (first === undefined || end === undefined) return;
  doc
    .save()
    .fillOpacity(0.12)
    .moveTo(first[0], floor)
    .lineTo(...first);
  let last = first;
  for (const next of path.slice(1)) {
    doc.lineTo(last[0], next[1]).lineTo(...next);
    last = next;
  }
  doc.lineTo(end[0], floor).fill(color).restore();
}

/** Cuts a line where nothing was measured: a gap is drawn as a gap. */
function stretches(points: readonly Point[]): { at: number; value: number }[][] {
  const result: { at: number; value: number }[][] = [[]];
  for (const { at, value } of points) {
    if (value === null) result.push([]);
    else result.at(-1)?.push({ at, value });
  }
  return result.filter((stretch) => stretch.length > 0);
}

/** A limit as a dashed line; its label stands where no earlier label does: above or below, at either end. */
function drawMark(sheet: Sheet, { label, color }: Mark, plot: Box, y: number, taken: Box[]): void {
  sheet.doc.lineWidth(0.9).strokeColor(color).dash(4, { space: 2.5 });
  sheet.doc
    .moveTo(plot.x, y)
    .lineTo(plot.x + plot.width, y)
    .stroke()
    .undash();
  const width = Math.min(sheet.width(sheet.letters(label), TYPE.axis), plot.width / 2 - 12);
  const [left, right] = [plot.x + 4, plot.x + plot.width - width - 4];
  const tops = [y - 10.5, y + 2].filter((top) => top >= plot.y && top + 9 <= plot.y + plot.height);
  // Above the plot is the last resort; the label of the window stands there, in the middle.
  const places = [...tops, plot.y - 9.5].flatMap((top) => [left, right].map((x) => ({ x, y: top, width, height: 9 })));
  const place = places.find((box) => !taken.some((other) => overlaps(box, other)));
  if (place === undefined) return;
  taken.push(place);
  sheet.doc
    .save()
    .fillOpacity(0.85)
    .rect(place.x - 2, place.y - 0.5, width + 4, 9)
    .fill(INK.white)
    .restore();
  sheet.line(label, place.x, place.y, { ...TYPE.axis, color }, { width });
}

function drawSpot(sheet: Sheet, { spot, span }: TimeChart, plot: Box, yOf: (value: number) => number): void {
  if (spot === undefined) return;
  const [x, y] = [xOf(span, spot.at), yOf(spot.value)];
  sheet.doc.circle(x, y, 3).lineWidth(1.3).fillAndStroke(INK.white, INK.bad);
  const width = sheet.width(sheet.letters(spot.label), TYPE.axis);
  const left = x + 8 + width > plot.x + plot.width ? x - 8 - width : x + 8;
  const box = { x: left - 2, y: y - 4.5, width: width + 4, height: 9 };
  sheet.doc.save().fillOpacity(0.85).rect(box.x, box.y, box.width, box.height).fill(INK.white).restore();
  sheet.line(spot.label, left, y - 4, { ...TYPE.axis, color: INK.bad });
}

const overlaps = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
