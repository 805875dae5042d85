import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { messageOf } from '../kernel/errors.ts';
import { FIGURES, type FigureName } from '../kernel/probe.ts';
import { withMixedNumbers } from './numbers.ts';
import { nearest } from './wording.ts';

/** A CEL condition over the figures of a probe, compiled once. */
export interface Condition {
  readonly source: string;
  /**
   * True or false; null when a figure it needs has not been measured, or it cannot be evaluated: a claim without a
   * measurement is neither held nor broken.
   */
  evaluate(figures: Readonly<Record<string, number | null>>): boolean | null;
}

/** What is wrong with the text of a condition, where (characters from its start, from 0), and what to do. */
export interface ConditionError {
  readonly error: string;
  readonly offset: number;
  readonly hint: string;
}

const environment = makeEnvironment();

function makeEnvironment(): Environment {
  return withMixedNumbers(FIGURES.reduce((known, name) => known.registerVariable(name, 'double'), new Environment()));
}

/**
 * Compiles and type-checks a condition. Integers may be written where a figure is compared: `p99 < 800`.
 * @returns the condition, or what is wrong with the text.
 */
export function compileCondition(source: string): Condition | ConditionError {
  try {
    const program = environment.parse(source);
    const type = program.check();
    if (!type.valid) return explain(type.error);
    if (type.type !== 'bool') {
      return {
        error: `expected a condition that is true or false, found ${type.type === 'double' ? 'a number' : type.type}`,
        offset: 0,
        hint: 'compare it with something, such as p99 < 800',
      };
    }
    const needed = FIGURES.filter((name) => new RegExp(`\\b${name}\\b`).test(source));
    if (needed.length === 0)
      return {
        error: 'expected a figure in the condition: without one it could never change',
        offset: 0,
        hint: `the figures are ${FIGURES.join(', ')}`,
      };
    const division = WHOLE_DIVISION.exec(source);
    if (division !== null)
      return {
        error: `${division[0]} is a division of whole numbers, which drops the rest`,
        offset: division.index,
        hint: 'write the result, such as 0.95, or a decimal point, such as 95.0 / 100',
      };
    return { source, evaluate: (figures) => run(program, figures, needed) };
  } catch (error) {
    return explain(error);
  }
}

/** `95/100` is 0 in CEL, and a condition with it would hold or break for ever. */
const WHOLE_DIVISION = /(?<![\w.])\d+\s*\/\s*\d+(?![\d.])/;

type Program = ReturnType<Environment['parse']>;
function run(
  program: Program,
  figures: Readonly<Record<string, number | null>>,
  needed: readonly FigureName[],
): boolean | null {
  const values: Record<string, number> = {};
  for (const name of needed) {
    const value = figures[name];
    if (value === null || value === undefined || Number.isNaN(value)) return null;
    values[name] = value;
  }
  try {
    const result: unknown = program(values);
    return typeof result === 'boolean' ? result : null;
  } catch {
    return null;
  }
}

function explain(error: unknown): ConditionError {
  const known = error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError;
  const message = ((known ? error.summary : messageOf(error)).split('\n')[0] ?? '').replace(
    'Unexpected token: EOF',
    'it ends too early',
  );
  const offset = known ? (error.range?.start ?? 0) : 0;
  const unknown = /^Unknown variable: (\w+)/.exec(message)?.[1];
  if (unknown !== undefined) {
    const near = nearest(unknown, FIGURES);
    return {
      error: `there is no figure ${unknown}`,
      offset,
      hint: near === undefined ? `the figures are ${FIGURES.join(', ')}` : `did you mean ${near}?`,
    };
  }
  if (/no such overload/.test(message)) {
    return {
      error: message,
      offset,
      hint: 'figures are numbers: compare them with numbers, without a unit or quotes (times are milliseconds)',
    };
  }
  return {
    error: message,
    offset,
    hint: 'write for example success_rate >= 0.99 && p99 < 800; numbers carry no units (times are milliseconds)',
  };
}
