import { type FaultReport, type Frame, type Sample } from '../../contract/models.ts';
import { type Style, toneOf } from './style.ts';
import { visible } from './terminal.ts';
import { amount, ms, percent, span, stateTone } from './words.ts';

/** The pieces of a run's progress, each as short as it can be said. */

/** A piece of a line: its column width, so that nothing jumps, and whether it may be left out when the line is narrow. */
export interface Piece {
  readonly text: string;
  readonly width?: number;
  readonly align?: 'right';
  /** Pieces with the highest number are left out first; 0 stays. */
  readonly optional?: number;
}

/** Joins the pieces that fit into `width` columns, two spaces apart. */
export function fit(pieces: readonly Piece[], width: number, indent = '  '): string {
  const shown = pieces.filter(({ text, width: own }) => text !== '' || own !== undefined);
  const sizeOf = (piece: Piece): number => Math.max(piece.width ?? 0, visible(piece.text));
  const total = (): number => shown.reduce((sum, piece) => sum + sizeOf(piece) + 2, indent.length - 2);
  while (total() > width) {
    const least = shown.reduce((worst, piece, at) => ((piece.optional ?? 0) > 0 && (piece.optional ?? 0) >= (shown[worst]?.optional ?? 0) ? at : worst), -1);
    if (least < 0) break;
    shown.splice(least, 1);
  }
  const line = shown.map(({ text, width: own = 0, align }) => {
    const pad = ' '.repeat(Math.max(0, own - visible(text)));
    return align === 'right' ? pad + text : text + pad;
  });
  return (indent + line.join('  ')).trimEnd();
}

/** A bar of `columns` characters, full at 1. */
export function bar(ratio: number, columns: number, style: Style): string {
  const full = Math.round(Math.min(1, Math.max(0, ratio)) * columns);
  return style.cyan('━'.repeat(full)) + style.dim('╌'.repeat(columns - full));
}

const figure = (sample: Sample, name: string): number | null => sample.figures[name] ?? null;

/** One probe: what it measures now, over its window. */
export function probePieces(sample: Sample, nameWidth: number, style: Style): Piece[] {
  const held = sample.held === null ? style.dim('· waiting') : sample.held ? style.green('✓ holds') : style.red('✗ broken');
  const value = figure(sample, 'value');
  const name = { text: sample.probe, width: nameWidth };
  if (value !== null) return [name, { text: `value ${Math.round(value * 1e3) / 1e3}`, width: 16 }, { text: held, width: 9 }];
  const latency = (label: string): string => `${style.dim(label)} ${ms(figure(sample, label)).padStart(8)}`;
  const rate = figure(sample, 'throughput');
  return [
    name,
    { text: `${percent(figure(sample, 'success_rate'), 1)} ok`, width: 10, align: 'right' },
    { text: latency('p50'), width: 12, optional: 2 },
    { text: latency('p95'), width: 12, optional: 3 },
    { text: latency('p99'), width: 12 },
    { text: rate === null ? '' : style.dim(`${rate.toFixed(1)}/s`), width: 7, align: 'right', optional: 4 },
    { text: held, width: 9 },
  ];
}

/** What a fault did against what was asked, such as `latency 503 of 500 ms`. */
export function delivery(fault: FaultReport): string {
  return fault.effect.figures
    .map(({ name, unit, requested, delivered }) =>
      [name, delivered === null ? '–' : amount(delivered, unit), ...(requested === null ? [] : ['of', amount(requested, unit)])].join(' '),
    )
    .join(', ');
}

/** One fault: its state, its effect, and how long its lease still runs without renewal. */
export function faultPieces(fault: FaultReport, now: number, nameWidth: number, style: Style): Piece[] {
  const tone = toneOf(style, stateTone[fault.state]);
  const lease = fault.leaseUntil === null ? '' : style.dim(`lease ${span(fault.leaseUntil - now)}`);
  return [
    { text: fault.policy, width: nameWidth },
    { text: tone(fault.state), width: 9 },
    { text: fault.state === 'clean' ? style.dim('undo proven') : delivery(fault), width: 25 },
    { text: lease, width: 12, optional: 1 },
    { text: style.dim(fault.target), optional: 2 },
  ];
}

/** Such as `success_rate < 0.95`: one figure against one limit, so that a distance can be told. */
const SIMPLE = /^\s*([a-z]\w*)\s*(<=?|>=?)\s*(\d+(?:\.\d+)?)\s*$/;
const RATES = new Set(['success_rate', 'availability', 'apdex', 'apdex_ema']);

/**
 * How far the nearest probe is from the abort condition: `4.2 points away`, `312 ms away`, `breached`. Undefined for a
 * condition that is more than one comparison, or as long as nothing was measured.
 */
export function abortDistance(when: string, frame: Pick<Frame, 'probes'>): { readonly text: string; readonly breached: boolean } | undefined {
  const [, name = '', operator = '', limit = ''] = SIMPLE.exec(when) ?? [];
  const values = Object.values(frame.probes)
    .map((sample) => figure(sample, name))
    .filter((value) => value !== null);
  if (operator === '' || values.length === 0) return undefined;
  const below = operator.startsWith('<');
  const distance = below ? Math.min(...values) - Number(limit) : Number(limit) - Math.max(...values);
  if (distance < 0 || (distance === 0 && operator.endsWith('='))) return { text: 'breached', breached: true };
  if (RATES.has(name)) return { text: `${(Math.floor(distance * 1_000) / 10).toFixed(1)} points away`, breached: false };
  if (/^p\d+$/.test(name)) return { text: `${ms(distance)} away`, breached: false };
  return { text: `${Math.round(distance * 100) / 100} away`, breached: false };
}
