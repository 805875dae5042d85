import { release } from 'node:os';

/** Who is killed, in the words of the table. */
export const COLUMNS = ['the room', 'the room, beside a helper', 'the helper', 'both'] as const;
export type Dies = (typeof COLUMNS)[number];

/** One way to die: this fault, this process, at this point of its life. */
export interface WayCount {
  readonly fault: string;
  readonly dies: Dies;
  runs: number;
  left: number;
}
export interface Account {
  readonly ways: readonly WayCount[];
  /** What was left, one line each. */
  readonly left: readonly string[];
  /** Runs that did not come to their kill, one line each. */
  readonly notReached: readonly string[];
  /** What of others was there all the time. */
  readonly foreign: readonly string[];
  /** Why faults could not be had here, by their names. */
  readonly missing: Readonly<Record<string, string>>;
  readonly minutes: number;
}

const sum = (ways: readonly WayCount[], count: (way: WayCount) => number): number => ways.reduce((total, way) => total + count(way), 0);
const gone = (way: WayCount): number => (way.runs > 0 ? 1 : 0);

/** `12 of 20`: the ways gone of those there are; and how many runs left something. */
function cell(ways: readonly WayCount[]): string {
  if (ways.length === 0) return '–';
  const left = sum(ways, (way) => way.left);
  return `${sum(ways, gone)} of ${ways.length}${left === 0 ? '' : `, **${left} left**`}`;
}

const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}\n`).join('');

/** The page of the docs. */
export function pageOf({ ways, left, notReached, foreign, missing, minutes }: Account): string {
  const runs = sum(ways, (way) => way.runs);
  const faults = [...new Set(ways.map(({ fault }) => fault))].sort((a, b) => a.localeCompare(b, 'en'));
  const row = (title: string, of: readonly WayCount[]): string => {
    const cells = COLUMNS.map((dies) => cell(of.filter((way) => way.dies === dies)));
    return `| ${[title, ...cells, sum(of, (way) => way.runs)].join(' | ')} |`;
  };
  const rows = faults.map((fault) => row(fault, ways.filter((way) => way.fault === fault)));
  const absent = Object.entries(missing).map(([fault, why]) => `${fault}: ${why}`);
  return `# What stays behind

**${runs} runs, residue in ${left.length}: a rate of ${runs === 0 ? '–' : ((100 * left.length) / runs).toFixed(2)} %.** ${sum(ways, gone)} of ${ways.length} ways were gone, in
${minutes} minutes, on Linux ${release()}, Node ${process.versions.node}.

Made by \`npm run residue\`. A way is a fault, who dies with -9 (the room, its helper, or both), and when: at each boundary of
the fault's life as the room sees it, and as the helper sees it. Ten seconds of lease and two more later everything must be
as it was, the journals must be closed, and what was hit must work. Each cell: the ways gone of those that there are.

${foreign.length === 0 ? 'Nothing of others was planted.' : `Planted beforehand, and compared byte for byte before and after each run: ${foreign.join(', ')}. A difference counts as residue.`}
Where a fault acts in a namespace, on a disk, in a container engine or a database of its own, the same kind is planted there,
and compared as part of what must be as it was.

| fault | ${COLUMNS.join(' | ')} | runs |
|---|${COLUMNS.map(() => '---').join('|')}|---|
${rows.join('\n')}
${row('**all**', ways)}
${left.length === 0 ? '' : `\nLeft behind:\n\n${list(left)}`}${notReached.length === 0 ? '' : `\nNot counted, for they did not come to the kill (${notReached.length}):\n\n${list(notReached)}`}${absent.length === 0 ? '' : `\nNot to be had on this machine:\n\n${list(absent)}`}`;
}
