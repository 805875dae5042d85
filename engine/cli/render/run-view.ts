import { type FileSummary } from '../../contract/api.ts';
import { type EngineEvent, type FaultReport, type Frame, type Phase, type PhaseName } from '../../contract/models.ts';
import { abortDistance, bar, delivery, faultPieces, fit, probePieces } from './parts.ts';
import { type Style, toneOf } from './style.ts';
import { type Terminal, visible, wrap } from './terminal.ts';
import { formatDuration } from '../../kernel/durations.ts';
import { ms, percent, phaseTitle, span, stateTone } from './words.ts';

/** Shows a run while it happens. What it shows last stays on the screen. */
export interface RunView {
  event(event: EngineEvent): void;
  frame(frame: Frame): void;
  /** The reader asked to stop. */
  stopping(why: string): void;
  end(): void;
}

/** Shows nothing; for `--json` without a terminal to speak to. */
export const silentView: RunView = { event: () => {}, frame: () => {}, stopping: () => {}, end: () => {} };

/** A terminal gets one region that is rewritten in place; anything else gets plain lines, at most one a second. */
export function runView(out: Terminal, style: Style, summary: FileSummary, run: string): RunView {
  header(out, style, summary, run);
  return out.isTty ? new LiveView(out, style, summary) : new PlainView(out, style, summary);
}

function header(out: Terminal, style: Style, { name, hypothesis, experiment }: FileSummary, run: string): void {
  out.line();
  out.line(fit([{ text: style.bold(name) }, { text: style.dim(run), optional: 1 }], out.width - 1));
  if (hypothesis !== '') out.line(wrap(hypothesis, Math.min(out.width, 100) - 1, '  '));
  for (const { name: check, expect } of experiment?.checks ?? []) out.line(`  ${style.dim(`${check}: ${expect}`)}`);
  out.line();
}

/** What both views say for good: phases as they end, faults as they bite and as they are gone, and what went wrong. */
class Story {
  readonly #style: Style;
  readonly #states = new Map<string, FaultReport['state']>();
  #begun = new Map<PhaseName, number>();
  phase: PhaseName | undefined;

  constructor(style: Style) {
    this.#style = style;
  }
  tell({ at, body }: EngineEvent): string[] {
    const style = this.#style;
    switch (body.kind) {
      case 'phase': {
        if (body.edge === 'start') {
          this.phase = body.name;
          this.#begun.set(body.name, at);
          return [];
        }
        if (body.name === 'analysis') return [];
        // No tick: that a phase is over does not say that it went well. The verdict does.
        return [`  ${style.dim('•')} ${phaseTitle(body.name).padEnd(13)} ${style.dim(span(at - (this.#begun.get(body.name) ?? at)))}`];
      }
      case 'fault':
        return this.#fault(body.fault);
      case 'breach':
        return [`  ${style.red('✗')} ${style.red('breach')}        ${body.sample.probe}: ${body.when} for ${span(body.heldMs)}`];
      case 'halt':
        return [`  ${style.red('■')} ${style.red('HALT')}          by ${body.by}, in ${ms(body.tookMs)}`];
      case 'policy':
        return [`    ${style.dim(body.text)}`];
      case 'log':
        if (body.level === 'info') return [];
        return [`  ${body.level === 'error' ? style.red('✗') : style.yellow('!')} ${body.text}`];
      case 'run-started':
      case 'run-ended':
      case 'sample':
      case 'injected':
      case 'report':
        return [];
    }
  }
  /** Only the turns that a reader waits for; what lies between is in the region. */
  #fault(fault: FaultReport): string[] {
    const style = this.#style;
    if (this.#states.get(fault.id) === fault.state) return [];
    this.#states.set(fault.id, fault.state);
    const tone = toneOf(style, stateTone[fault.state]);
    if (fault.state === 'active') return [`  ${tone('▸')} ${'injected'.padEnd(13)} ${fault.policy}: ${fault.explain}`];
    if (fault.state === 'clean') return [`  ${tone('✓')} ${'put back'.padEnd(13)} ${fault.policy}: ${fault.target}`];
    if (fault.state === 'unconfirmed') return [`  ${tone('✗')} ${tone('unconfirmed'.padEnd(13))} ${fault.policy}: ${fault.target}: ${fault.note}`];
    return [];
  }
}

class LiveView implements RunView {
  readonly #out: Terminal;
  readonly #style: Style;
  readonly #summary: FileSummary;
  readonly #story: Story;
  #phase: Phase | undefined;
  /** How long the injection is meant to last, in milliseconds. */
  #duration = 0;
  #stopping = '';
  #frame: Frame | undefined;

  constructor(out: Terminal, style: Style, summary: FileSummary) {
    this.#out = out;
    this.#style = style;
    this.#summary = summary;
    this.#story = new Story(style);
  }
  event(event: EngineEvent): void {
    const lines = this.#story.tell(event);
    const { body, at } = event;
    if (body.kind === 'run-started') this.#duration = body.duration;
    if (body.kind === 'phase' && body.edge === 'start') this.#phase = { name: body.name, start: at, end: null };
    for (const line of lines) this.#out.line(hang(line, this.#out.width - 1));
    if (lines.length > 0) this.#draw();
  }
  frame(frame: Frame): void {
    this.#frame = frame;
    this.#draw();
  }
  stopping(why: string): void {
    this.#stopping = why;
    this.#draw();
  }
  end(): void {
    this.#out.live([]);
  }

  #draw(): void {
    const frame = this.#frame;
    if (frame === undefined || this.#phase === undefined) return;
    const style = this.#style;
    const width = this.#out.width - 1;
    const probes = Object.values(frame.probes);
    const nameWidth = Math.min(20, Math.max(8, ...probes.map(({ probe }) => probe.length), ...frame.faults.map(({ policy }) => policy.length)));
    const lines = ['', this.#phaseLine(frame, this.#phase, width), ''];
    for (const sample of probes) lines.push(fit(probePieces(sample, nameWidth, style), width));
    const open = frame.faults.filter(({ state }) => state !== 'planned');
    for (const fault of open) lines.push(fit(faultPieces(fault, frame.at, nameWidth, style), width));
    lines.push(...this.#abortLine(frame, width));
    lines.push('', style.dim(this.#stopping === '' ? '  Ctrl-C ends the run and puts everything back' : `  ${this.#stopping}: ending the run and putting everything back …`));
    this.#out.live(lines);
  }
  #phaseLine(frame: Frame, { name, start }: Phase, width: number): string {
    const style = this.#style;
    const title = `${style.cyan('▸')} ${style.bold(phaseTitle(name))}`;
    const end = frame.phaseEndsAt ?? (name === 'observe' ? start + this.#duration : null);
    if (end === null || end <= start) return fit([{ text: title, width: 15 }, { text: span(frame.at - start) }], width);
    return fit(
      [
        { text: title, width: 15 },
        { text: bar((frame.at - start) / (end - start), Math.min(40, Math.max(10, width - 44)), style) },
        { text: `${span(end - frame.at)} left`, width: 16 },
      ],
      width,
    );
  }
  #abortLine(frame: Frame, width: number): string[] {
    const abort = this.#summary.experiment?.abort ?? null;
    if (abort === null) return [];
    const style = this.#style;
    const distance = abortDistance(abort.when, frame);
    const tone = distance?.breached === true ? style.red : (text: string): string => text;
    return [
      fit([{ text: style.dim(`abort when ${abort.when} for ${formatDuration(abort.forMs)}`) }, { text: distance === undefined ? '' : tone(distance.text) }], width),
    ];
  }
}

/** Continues a line of the story under its text, past the mark and the title. */
function hang(line: string, width: number): string {
  if (visible(line) <= width) return line;
  const lead = /^\s*\S+ .{13} /u.exec(line)?.[0] ?? '    ';
  return wrap(line.slice(lead.length), width, lead);
}

/** How often a plain line is due, in milliseconds of the engine's clock. */
const PLAIN_EVERY = 1_000;

class PlainView implements RunView {
  readonly #out: Terminal;
  readonly #summary: FileSummary;
  readonly #story: Story;
  #started = 0;
  #last = 0;

  constructor(out: Terminal, style: Style, summary: FileSummary) {
    this.#out = out;
    this.#summary = summary;
    this.#story = new Story(style);
  }
  event(event: EngineEvent): void {
    if (this.#started === 0) this.#started = event.at;
    for (const line of this.#story.tell(event)) this.#out.line(line);
  }
  frame(frame: Frame): void {
    if (frame.at - this.#last < PLAIN_EVERY || this.#started === 0 || frame.phase === null) return;
    this.#last = frame.at;
    const probes = Object.values(frame.probes).map(
      ({ probe, figures }) => `${probe} ${figures['value'] ?? `${percent(figures['success_rate'] ?? null)} p99 ${ms(figures['p99'] ?? null)}`}`,
    );
    const faults = frame.faults
      .filter(({ state }) => state !== 'planned' && state !== 'clean')
      .map((fault) => `${fault.policy} ${fault.state} ${delivery(fault)}${fault.leaseUntil === null ? '' : ` lease ${span(fault.leaseUntil - frame.at)}`}`);
    const abort = this.#summary.experiment?.abort;
    const distance = abort == null ? undefined : abortDistance(abort.when, frame);
    const parts = [phaseTitle(frame.phase), ...probes, ...faults, ...(distance === undefined ? [] : [`abort ${distance.text}`])];
    this.#out.line(`    ${((frame.at - this.#started) / 1_000).toFixed(1).padStart(6)} s  ${parts.join('  ')}`);
  }
  stopping(why: string): void {
    this.#out.line(`  ${why}: ending the run and putting everything back …`);
  }
  end(): void {}
}
