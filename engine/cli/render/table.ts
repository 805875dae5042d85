import { cut, visible } from './terminal.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'right';
  /** The column that gives way when the terminal is narrow; at most one. */
  readonly shrinks?: boolean;
}

/**
 * Rows under a line of titles, two spaces between the columns, at most `width` columns wide. Titles are passed through
 * `title` for their style.
 */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number, title: (text: string) => string): string {
  const widths = columns.map(({ title }, at) => Math.max(visible(title), ...rows.map((row) => visible(row[at] ?? ''))));
  const total = widths.reduce((sum, one) => sum + one + 2, -2);
  const shrinking = columns.findIndex(({ shrinks }) => shrinks === true);
  if (total > width && shrinking >= 0) widths[shrinking] = Math.max(8, (widths[shrinking] ?? 0) - (total - width));
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => {
        const room = widths[at] ?? 0;
        const cell = cut(cells[at] ?? '', room);
        const pad = ' '.repeat(Math.max(0, room - visible(cell)));
        return align === 'right' ? pad + cell : cell + pad;
      })
      .join('  ')
      .trimEnd();
  return [title(line(columns.map((column) => column.title))), ...rows.map(line)].join('\n');
}
