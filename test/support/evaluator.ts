import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawnNode, type SpawnOptions } from '../../engine/host/spawn.ts';

/** A process of its own that does what a test says; faults may hit it. */
export interface Evaluator extends AsyncDisposable {
  readonly pid: number;
  /** In its command line. */
  readonly word: string;
  /** Runs an expression within it (`load` imports a module) and returns what came out as text; `failed: ` and a code for an error. */
  evaluate(script: string): Promise<string>;
}

/** Resolves when it answers. */
export async function startEvaluator(word: string, options: Pick<SpawnOptions, 'env' | 'through'> = {}): Promise<Evaluator> {
  const script = join(import.meta.dirname, 'evaluator-child.ts');
  const child = spawnNode(script, [word], { role: 'evaluator', target: true, stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const waiting: ((line: string) => void)[] = [];
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  child.on('exit', () => waiting.splice(0).forEach((resolve) => resolve('failed: it has ended')));
  const evaluate = (code: string): Promise<string> =>
    new Promise((resolve) => {
      waiting.push(resolve);
      child.stdin?.write(`${JSON.stringify(code)}\n`);
    });
  await evaluate('0');
  return {
    pid: child.pid ?? 0,
    word,
    evaluate,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}
