import { CONTENT, INK, PAGE, type Sheet, type Style, TYPE } from './sheet.ts';

export interface Column {
  readonly title: string;
  /** In points; one column may be `rest`, what the others leave. */
  readonly width: number | 'rest';
  readonly align?: 'left' | 'right';
  readonly type?: Style;
  /** Longer cells are cut with an ellipsis. No row may be taller than a page. */
  readonly maxLines?: number;
}

const PAD = 3.5;
const BETWEEN = 10;
const MAX_LINES = 30;

/**
 * Draws a table at the sheet's `y`. A row never breaks; where the page ends the table goes on with its header repeated.
 * @param cells one array of texts a row, as long as `columns`.
 */
export function drawTable(sheet: Sheet, columns: readonly Column[], cells: readonly (readonly string[])[]): void {
  const placed = place(columns);
  const heads = (): void => {
    placed.forEach(({ column, x, width }) =>
      sheet.line(column.title, x, sheet.y, TYPE.tableHead, { width, align: column.align ?? 'left' }),
    );
    sheet.y += 12;
    sheet.rule(PAGE.left, sheet.y, CONTENT, INK.faint);
  };
  const [first] = cells;
  sheet.need(12 + (first === undefined ? 0 : rowHeight(sheet, placed, first)));
  heads();
  for (const row of cells) {
    const height = rowHeight(sheet, placed, row);
    if (sheet.need(height)) heads();
    placed.forEach(({ column, x, width }, index) => drawCell(sheet, row[index] ?? '', column, x, width));
    sheet.y += height;
    sheet.rule(PAGE.left, sheet.y, CONTENT);
  }
}

interface Placed {
  readonly column: Column;
  readonly x: number;
  readonly width: number;
}

function place(columns: readonly Column[]): readonly Placed[] {
  const fixed = columns.reduce((sum, { width }) => sum + (width === 'rest' ? 0 : width), 0);
  const rest = CONTENT - fixed - BETWEEN * (columns.length - 1);
  let x: number = PAGE.left;
  return columns.map((column) => {
    const width = column.width === 'rest' ? rest : column.width;
    const result = { column, x, width };
    x += width + BETWEEN;
    return result;
  });
}

function rowHeight(sheet: Sheet, placed: readonly Placed[], row: readonly string[]): number {
  const heights = placed.map(({ column, width }, index) =>
    sheet.heightOf(row[index] ?? '', width, column.type ?? TYPE.table, column.maxLines ?? MAX_LINES),
  );
  return Math.max(...heights) + PAD * 2;
}

function drawCell(sheet: Sheet, text: string, column: Column, x: number, width: number): void {
  const type = column.type ?? TYPE.table;
  if (column.align === 'right') sheet.line(text, x, sheet.y + PAD, type, { width, align: 'right' });
  else sheet.block(text, x, sheet.y + PAD, width, type, column.maxLines ?? MAX_LINES);
}
