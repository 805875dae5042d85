import { type Environment } from '@marcbachmann/cel-js';

/** CEL keeps integers and doubles apart; here a number may be compared and computed with `800` as well as `800.0`. */
export function withMixedNumbers(env: Environment): Environment {
  const operations: Readonly<Record<string, (a: number, b: number) => number>> = {
    '+': (a, b) => a + b,
    '-': (a, b) => a - b,
    '*': (a, b) => a * b,
    '/': (a, b) => a / b,
  };
  for (const [operator, apply] of Object.entries(operations)) {
    const mixed = (a: number | bigint, b: number | bigint): number => apply(Number(a), Number(b));
    env
      .registerOperator(`int ${operator} double: double`, mixed)
      .registerOperator(`double ${operator} int: double`, mixed);
  }
  // Registering one equality gives the other way round and `!=` as well.
  return env.registerOperator('double == int', (a: number | bigint, b: number | bigint) => Number(a) === Number(b));
}
