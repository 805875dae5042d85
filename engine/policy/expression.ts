import { Environment } from '@marcbachmann/cel-js';
import { messageOf } from '../kernel/errors.ts';
import { FIGURES, type FigureName } from '../kernel/probe.ts';

/** A CEL condition over the figures of a probe, compiled once. */
export interface Condition {
  readonly source: string;
  /**
   * True or false; null when a figure it needs has not been measured, or it cannot be evaluated: a claim without a
   * measurement is neither held nor broken.
   */
  evaluate(figures: Readonly<Record<string, number | null>>): boolean | null;
}

const environment = FIGURES.reduce((env, name) => env.registerVariable(name, 'double'), new Environment());

/**
 * Compiles and type-checks a condition. Integers may be written where a figure is compared: `p99 < 800`.
 * @returns the condition, or what is wrong with the text.
 */
export function compileCondition(source: string): Condition | { readonly error: string } {
  try {
    const program = environment.parse(source);
    const type = program.check();
    if (!type.valid) return { error: firstLine(messageOf(type.error)) };
    if (type.type !== 'bool' && type.type !== 'dyn') return { error: `expected a condition that is true or false, got ${type.type}` };
    const needed = FIGURES.filter((name) => new RegExp(`\\b${name}\\b`).test(source));
    return { source, evaluate: (figures) => run(program, figures, needed) };
  } catch (error) {
    return { error: firstLine(messageOf(error)) };
  }
}

type Program = ReturnType<Environment['parse']>;
function run(program: Program, figures: Readonly<Record<string, number | null>>, needed: readonly FigureName[]): boolean | null {
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

const firstLine = (message: string): string => message.split('\n')[0] ?? message;
