import { createInterface } from 'node:readline';

/** What a held child is told in its command line, as `--key=value`. */
export function argument(key: string): string {
  const prefix = `--${key}=`;
  return process.argv.find((arg) => arg.startsWith(prefix))?.slice(prefix.length) ?? '';
}

/** The longest time that a timer of Node can wait; some 24 days. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The dead man's switch of a held child. The process ends at once when its stdin closes (whoever started it is gone,
 * however it went), when no line has come for --lease milliseconds, and when --hold milliseconds are over.
 * @param end in place of ending at once.
 * @returns what starts the time of --hold, to be called when the load begins.
 */
export function holdLifeline(onLine: (line: string) => void = () => {}, end: () => void = () => process.exit(0)): () => void {
  const lease = (): NodeJS.Timeout => setTimeout(end, Number(argument('lease')));
  let running = lease();
  // Ctrl-Z in a terminal reaches the whole group, and the engine does not obey it either.
  if (process.platform !== 'win32') process.on('SIGTSTP', () => {});
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    clearTimeout(running);
    running = lease();
    onLine(line);
  });
  lines.on('close', end);
  process.stdin.on('error', end);
  // A closed stdout must not end the child with an unhandled error while it still holds the load.
  process.stdout.on('error', () => {});
  return () => void setTimeout(end, Math.min(Number(argument('hold')), LONGEST_TIMER));
}

/** Tells whoever started this child something, as one line of JSON. */
export function report(news: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(news)}\n`);
}
