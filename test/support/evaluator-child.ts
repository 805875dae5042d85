import { createInterface } from 'node:readline';

/** Evaluates each line, a script as JSON, and prints what comes out. Ends with its stdin. Started by evaluator.ts. */
for await (const line of createInterface({ input: process.stdin })) {
  const evaluate = new Function('load', `return (async () => (${JSON.parse(line) as string}))();`) as (load: (name: string) => Promise<unknown>) => Promise<unknown>;
  let said: string;
  try {
    said = String(await evaluate((name) => import(name)));
  } catch (error) {
    said = `failed: ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`;
  }
  process.stdout.write(`${said.replaceAll('\n', ' ')}\n`);
}
