import { type RunOutcome } from '../../contract/api.ts';
import { type FaultReport } from '../../contract/models.ts';
import { type EffectFigure } from '../../kernel/fault.ts';
import { type Style } from './style.ts';
import { table } from './table.ts';
import { type Terminal, wrap } from './terminal.ts';
import { amount, plural, span, verdictTone } from './words.ts';

/** How a run ended: the verdict, why, what was asked and delivered, the undo proof, and where the reports are. */
export function verdictText(outcome: RunOutcome, { width: columns }: Terminal, style: Style): string {
  const width = Math.min(columns, 120) - 1;
  const verdict = outcome.verdict ?? 'failed';
  const lines = [
    '',
    `  ${style.badge(verdictTone[verdict], verdict.toUpperCase())}  ${style.bold(outcome.name)}`,
    wrap(outcome.reason, width, '  '),
    '',
  ];
  if (outcome.faults.length > 0) lines.push(indent(faultTable(outcome.faults, width - 2, style)), '');
  const facts: [string, string][] = [['Undo', undoText(outcome, style)]];
  if (outcome.recoveryMs !== null) {
    facts.push(['Recovery', outcome.recoveryMs === 0 ? 'the steady state held at once' : `${span(outcome.recoveryMs)} until the steady state held again`]);
  }
  facts.push(['Run', `${outcome.run}, seed ${outcome.seed}`]);
  for (const [at, file] of outcome.reports.entries()) facts.push([at === 0 ? 'Reports' : '', file]);
  if (outcome.reportError !== '') facts.push(['Reports', style.red(outcome.reportError)]);
  for (const [label, text] of facts) lines.push(`  ${style.dim(label.padEnd(9))} ${text}`);
  return lines.join('\n');
}

const indent = (text: string): string => text.replaceAll(/^/gm, '  ');

/** Every figure of every fault: what was asked, what was measured, and on how many measurements. */
export function faultTable(faults: readonly FaultReport[], width: number, style: Style): string {
  const rows = faults.flatMap((fault) => {
    const figures: readonly (EffectFigure | undefined)[] = fault.effect.figures.length === 0 ? [undefined] : fault.effect.figures;
    return figures.map((figure, at) => [
      at === 0 ? fault.policy : '',
      figure === undefined ? '–' : `${figure.name}${figure.requested === null ? '' : ` ${amount(figure.requested, figure.unit)}`}`,
      figure === undefined ? (fault.effect.bitten ? fault.effect.detail : style.yellow('not measured')) : delivered(figure),
      at === 0 ? stateOf(fault, style) : '',
      at === 0 ? fault.target : '',
    ]);
  });
  return table(
    [{ title: 'Fault' }, { title: 'Requested' }, { title: 'Delivered' }, { title: 'Undo' }, { title: 'Target', shrinks: true }],
    rows,
    width,
    style.dim,
  );
}
const delivered = ({ delivered: value, unit, samples }: EffectFigure): string =>
  value === null ? 'not measured' : `${amount(value, unit)} (${samples.toLocaleString('en-US')}×)`;

function stateOf(fault: FaultReport, style: Style): string {
  if (fault.injectedAt === null) return style.dim('not injected');
  return fault.reverted ? style.green('proven') : style.red('unconfirmed');
}

function undoText({ faults, reverted }: RunOutcome, style: Style): string {
  const injected = faults.filter(({ injectedAt }) => injectedAt !== null);
  if (injected.length === 0) return 'nothing was injected, so there was nothing to put back';
  if (reverted) return style.green(`${plural(injected.length, 'change')} put back; the state after equals the state before`);
  const left = faults.filter((fault) => !fault.reverted);
  return style.red(`${plural(left.length, 'change')} NOT proven undone: ${left.map(({ policy, note }) => `${policy} (${note || 'unconfirmed'})`).join(', ')}. Run \`firebreak recover\`.`);
}

/** The verdict for programs: the last line of `run --json`. Times are milliseconds, wall-clock ones since 1970. */
export function verdictJson(outcome: RunOutcome): Record<string, unknown> {
  return {
    run: outcome.run,
    name: outcome.name,
    verdict: outcome.verdict,
    exit_code: outcome.exitCode,
    reason: outcome.reason,
    seed: outcome.seed,
    phases: outcome.phases.map(({ name, start, end }) => ({ name, start, end })),
    faults: outcome.faults.map((fault) => ({
      policy: fault.policy,
      type: fault.type,
      target: fault.target,
      requested: figuresJson(fault, 'requested'),
      delivered: figuresJson(fault, 'delivered'),
      state: fault.state,
      reverted: fault.reverted,
    })),
    breach: outcome.breach,
    reverted: outcome.reverted,
    recovery_ms: outcome.recoveryMs,
    reports: outcome.reports,
    report_error: outcome.reportError,
  };
}

/** `latency` in ms becomes `latency_ms`: a key that says its unit. */
const SUFFIX: Readonly<Record<EffectFigure['unit'], string>> = {
  ms: '_ms', MB: '_mb', ratio: '', cores: '', count: '', 'per s': '_per_s', 'KB/s': '_kb_per_s', bytes: '_bytes',
};
const figuresJson = (fault: FaultReport, side: 'requested' | 'delivered'): Record<string, number | null> =>
  Object.fromEntries(fault.effect.figures.map((figure) => [figure.name.replaceAll(/\W+/g, '_') + SUFFIX[figure.unit], figure[side]]));
