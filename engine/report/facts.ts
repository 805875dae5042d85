import { type FaultReport, type PhaseName, type RunRecord, type Sample } from '../contract/models.ts';

/** What the reports say beyond the record itself, each figure taken from the record alone. */

export type Stage = 'before' | 'during' | 'after';
export const STAGES: readonly Stage[] = ['before', 'during', 'after'];
/** `revert` is left out: half of it is under fault and half is not. */
const STAGE_OF: Readonly<Partial<Record<PhaseName, Stage>>> = {
  'steady-state': 'before',
  baseline: 'before',
  inject: 'during',
  observe: 'during',
  recovery: 'after',
};

/** The polls of one probe in one stage. Null where nothing was measured. */
export interface StageFigures {
  readonly polls: number;
  /** Share of successful polls, 0-1; null for a probe that measures a value. */
  readonly successRate: number | null;
  /** 99th percentile (nearest rank) of the latency of the polls, in milliseconds. */
  readonly p99: number | null;
  /** Mean of the measured value, for a probe that has one. */
  readonly value: number | null;
}
export interface ProbeFacts {
  readonly name: string;
  readonly describe: string;
  readonly expect: string;
  readonly stages: Readonly<Record<Stage, StageFigures>>;
}
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
}
/** A limit that the file sets on a figure: what aborts the run, or what the steady state expects. */
export interface Limit {
  readonly kind: 'abort' | 'expect';
  readonly operator: '<' | '<=' | '>' | '>=';
  readonly value: number;
}

/** Every probe of the run, those of the steady state first and in the order of the file. */
export function probesOf(record: RunRecord): readonly ProbeFacts[] {
  const names = new Set([...record.steadyState.map(({ name }) => name), ...record.samples.map(({ probe }) => probe)]);
  const byProbe = Map.groupBy(record.samples, ({ probe }) => probe);
  return [...names].map((name) => {
    const check = record.steadyState.find((each) => each.name === name);
    const staged = Map.groupBy(byProbe.get(name) ?? [], ({ phase }) => STAGE_OF[phase]);
    const stage = (key: Stage): StageFigures => stageFigures(staged.get(key) ?? []);
    return {
      name,
      describe: check?.describe ?? '',
      expect: check?.expect ?? '',
      stages: { before: stage('before'), during: stage('during'), after: stage('after') },
    };
  });
}

function stageFigures(samples: readonly Sample[]): StageFigures {
  const values = numbers(samples.map(({ figures }) => figures['value']));
  const measuresValue =
    values.length > 0 && samples.every(({ figures }) => typeof figures['success_rate'] !== 'number');
  const latencies = numbers(samples.map(({ latency }) => latency)).sort((a, b) => a - b);
  return {
    polls: samples.length,
    successRate: samples.length === 0 || measuresValue ? null : samples.filter(({ ok }) => ok).length / samples.length,
    p99: measuresValue ? null : (latencies[Math.ceil(latencies.length * 0.99) - 1] ?? null),
    value: measuresValue ? values.reduce((sum, value) => sum + value, 0) / values.length : null,
  };
}

const numbers = (values: readonly (number | null | undefined)[]): number[] =>
  values.filter((value) => typeof value === 'number');

/** The probe that the first page speaks of: the one that broke the run, else the first with a success rate. */
export function mainProbe(record: RunRecord, probes = probesOf(record)): ProbeFacts | undefined {
  const rated = (probe: ProbeFacts): boolean => STAGES.some((stage) => probe.stages[stage].successRate !== null);
  return probes.find((probe) => probe.name === record.breach?.probe && rated(probe)) ?? probes.find(rated) ?? probes[0];
}

/** From the first injection to the last revert, or to the end of the run for what never was; null without a fault. */
export function injectionWindow(record: RunRecord): TimeSpan | null {
  const injected = injectedFaults(record);
  if (injected.length === 0) return null;
  const end = Math.max(...injected.map(({ revertedAt }) => revertedAt ?? runSpan(record).end));
  return { start: Math.min(...injected.map(({ injectedAt }) => injectedAt ?? end)), end };
}

export const injectedFaults = (record: RunRecord): readonly FaultReport[] =>
  record.faults.filter(({ injectedAt }) => injectedAt !== null);

/** The faults that are not proven to be undone although they were injected. */
export const residueOf = (record: RunRecord): readonly FaultReport[] =>
  injectedFaults(record).filter(({ reverted }) => !reverted);

/** From the start to the last thing that the record knows of; at least one second, so that a chart has a width. */
export function runSpan(record: RunRecord): TimeSpan {
  const seen = [
    record.startedAt,
    record.endedAt,
    record.samples.at(-1)?.at,
    record.series.at(-1)?.at,
    record.timeline.at(-1)?.at,
  ];
  const ends = numbers([...seen, ...record.phases.map(({ end }) => end)]);
  return { start: record.startedAt, end: Math.max(record.startedAt + 1_000, ...ends) };
}

const LIMIT = /(?:\b(\w+)\s*(<=|>=|<|>)\s*(\d*\.?\d+)|(\d*\.?\d+)\s*(<=|>=|<|>)\s*(?:\w+\.)?(\w+))/g;
const FLIPPED = { '<': '>', '>': '<', '<=': '>=', '>=': '<=' } as const;

/**
 * The plain comparisons of `figure` with a number, in the abort condition and in what `probe` is expected to keep.
 * Comparisons that CEL hides deeper (arithmetic, functions) are not found: the chart then has no line, not a wrong one.
 */
export function limitsOf(record: RunRecord, figure: string, probe: string): readonly Limit[] {
  const expect = record.steadyState.find(({ name }) => name === probe)?.expect ?? '';
  return [...comparisons('abort', record.abort?.when ?? '', figure), ...comparisons('expect', expect, figure)];
}

function comparisons(kind: Limit['kind'], expression: string, figure: string): Limit[] {
  return [...expression.matchAll(LIMIT)].flatMap(([, left, after, right, number, before, name]) => {
    if (left === figure) return [{ kind, operator: after as Limit['operator'], value: Number(right) }];
    if (name === figure) return [{ kind, operator: FLIPPED[before as Limit['operator']], value: Number(number) }];
    return [];
  });
}

/** The Firebreak version in the environment of the record; '' when it does not say. */
export const versionOf = (record: RunRecord): string =>
  Object.entries(record.environment).find(([label]) => /^firebreak\b/i.test(label))?.[1] ?? '';
