import { type FileIssue } from '../../engine/contract/models.ts';
import { snake } from '../../engine/contract/sections.ts';
import { type Path } from './document.ts';

/** The steps of an issue's path: `policies[0].match_headers.x` -> policies, 0, match_headers, x. */
export function stepsOf(path: string): Path {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, word = '']) =>
    index === undefined ? word : Number(index),
  );
}

/** Whether an issue is about what a path names, or about something inside it. */
export function isAbout({ path }: FileIssue, wanted: Path): boolean {
  const steps = stepsOf(path);
  return wanted.every((step, index) => {
    const found = steps[index];
    return typeof step === 'number' ? found === step : typeof found === 'string' && snake(found) === snake(step);
  });
}

/** The issues of a path and below it, but for those of the fields among `beside`, which are shown there. */
export function issuesAt(
  issues: readonly FileIssue[],
  path: Path,
  beside: readonly string[] = [],
): readonly FileIssue[] {
  return issues.filter((issue) => isAbout(issue, path) && !beside.some((field) => isAbout(issue, [...path, field])));
}

/** How many issues each item of a list has, in one pass over the issues. */
export function countByItem(issues: readonly FileIssue[], list: Path): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const issue of issues) {
    const item = stepsOf(issue.path)[list.length];
    if (typeof item === 'number' && isAbout(issue, list)) counts.set(item, (counts.get(item) ?? 0) + 1);
  }
  return counts;
}
