import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { manifestOf } from '../faults/manifests.ts';
import { messageOf } from '../kernel/errors.ts';
import { type FactShape } from '../kernel/fault.ts';
import { type ConditionError } from './expression.ts';
import { withMixedNumbers } from './numbers.ts';
import { nearest } from './wording.ts';

/** Whether the message with these facts is meant. */
export type When = (facts: Readonly<Record<string, unknown>>) => boolean;

const environments = new Map<string, Environment>();

/**
 * Compiles the condition of a policy over the facts of its protocol (`facts` of the manifest, and `route`). A fact that a
 * message does not have (a header, a key of baggage) makes the condition false, as does anything that cannot be evaluated:
 * a fault must not strike what its condition does not clearly mean. Does not validate: `whenError` did.
 * @returns undefined for an empty source: no condition.
 */
export function compileWhen(protocol: string, source: string): When | undefined {
  if (source.trim() === '') return undefined;
  let program: ReturnType<Environment['parse']>;
  try {
    program = environmentOf(protocol).parse(source);
  } catch {
    return () => false;
  }
  return (facts) => {
    try {
      return program(facts as Record<string, unknown>) === true;
    } catch {
      return false;
    }
  };
}

/** What is wrong with the condition, or undefined when nothing is. */
export function whenError(protocol: string, source: string): ConditionError | undefined {
  if (source.trim() === '') return undefined;
  const names = [...Object.keys(manifestOf(protocol)?.facts ?? {}), 'route'];
  try {
    const type = environmentOf(protocol).parse(source).check();
    if (!type.valid) return explain(type.error, names);
    if (type.type === 'bool' || type.type === 'dyn') return undefined;
    return {
      error: `expected a condition that is true or false, found ${type.type}`,
      offset: 0,
      hint: `compare it with something; the facts of ${protocol} are ${names.join(', ')}`,
    };
  } catch (error) {
    return explain(error, names);
  }
}

function environmentOf(protocol: string): Environment {
  const known = environments.get(protocol);
  if (known !== undefined) return known;
  const env = withMixedNumbers(new Environment().registerVariable('route', 'string'));
  for (const [name, shape] of Object.entries(manifestOf(protocol)?.facts ?? {})) register(env, name, shape);
  environments.set(protocol, env);
  return env;
}

function register(env: Environment, name: string, shape: FactShape): void {
  if (typeof shape === 'string') env.registerVariable(name, shape);
  else env.registerVariable({ name, schema: shape as Record<string, string> });
}

function explain(error: unknown, names: readonly string[]): ConditionError {
  const known = error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError;
  const message = ((known ? error.summary : messageOf(error)).split('\n')[0] ?? '').replace(
    'Unexpected token: EOF',
    'it ends too early',
  );
  const offset = known ? (error.range?.start ?? 0) : 0;
  const unknown = /^Unknown variable: (\w+)/.exec(message)?.[1];
  if (unknown === undefined) {
    return { error: message, offset, hint: `write for example ${names[0] ?? 'route'} == 'x'; texts stand in quotes` };
  }
  const near = nearest(unknown, names);
  return {
    error: `there is no fact ${unknown}`,
    offset,
    hint: near === undefined ? `the facts are ${names.join(', ')}` : `did you mean ${near}?`,
  };
}
