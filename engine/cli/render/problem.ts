import { FirebreakError, type Issue } from '../../kernel/errors.ts';
import { type FileIssue } from '../../contract/models.ts';
import { type Style } from './style.ts';

/** One finding in the form that editors and terminals turn into a link: `file:line:column`. */
export function finding(style: Style, { file, line, column, path, message, hint }: FileIssue): string {
  const place = line > 0 ? `${file}:${line}:${column}: ` : file !== '' ? `${file}: ` : '';
  const where = path === '' ? '' : `${style.cyan(path)}: `;
  const remedy = hint === '' ? '' : `\n    ${style.dim('→')} ${hint}`;
  return `${style.bold(place)}${where}${message}${remedy}`;
}

export const flat = ({ place, path, message, hint }: Issue): FileIssue => ({
  file: place?.file ?? '',
  line: place?.line ?? 0,
  column: place?.column ?? 0,
  path,
  message,
  hint,
});

/** What went wrong, for people: one line, then each finding, then what to do. */
export function problem(style: Style, error: unknown): string {
  if (!(error instanceof FirebreakError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return `${style.red('Firebreak failed:')} ${text}\n  This is a bug in Firebreak.`;
  }
  const lines = [`${style.red('error:')} ${error.message}`, ...error.issues.map((issue) => `  ${finding(style, flat(issue))}`)];
  if (error.hint !== '') lines.push(`  ${style.dim('→')} ${error.hint}`);
  return lines.join('\n');
}

/** What went wrong, for programs. */
export function problemJson(error: unknown): Record<string, unknown> {
  const known = error instanceof FirebreakError ? error : undefined;
  return {
    error: {
      code: known?.code ?? 'internal',
      message: error instanceof Error ? error.message : String(error),
      hint: known?.hint ?? '',
      issues: known?.issues.map(flat) ?? [],
    },
    exit_code: known?.exitCode ?? 5,
  };
}
