import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Frame } from '../../contract/models.ts';
import { abortDistance, fit } from './parts.ts';
import { styleOf } from './style.ts';
import { table } from './table.ts';
import { cut, terminalOf, visible, wrap } from './terminal.ts';
import { amount, ms, percent, span } from './words.ts';

/** A screen that understands what terminalOf sends: text, line feed, cursor up, carriage return, erase. */
class Screen {
  readonly isTTY = true;
  columns = 80;
  rows = 40;
  lines: string[] = [''];
  #row = 0;
  #column = 0;
  on(): this {
    return this;
  }
  write(text: string): boolean {
    for (const [, sequence = '', count = '', final = '', plain = ''] of text.matchAll(/(\x1b\[\??(\d*)[;\d]*([A-Za-z]))|([\s\S])/gu)) {
      if (sequence !== '') this.#control(final, Number(count || 1));
      else if (plain === '\n') this.#row += 1;
      else if (plain !== '\r') {
        const row = (this.lines[this.#row] ?? '').padEnd(this.#column);
        this.lines[this.#row] = row.slice(0, this.#column) + plain + row.slice(this.#column + 1);
        this.#column += 1;
        assert.ok(this.#column < this.columns, `a line reaches the last column: ${this.lines[this.#row]}`);
      }
      if (plain === '\n' || plain === '\r') this.#column = 0;
      this.lines[this.#row] ??= '';
    }
    return true;
  }
  #control(final: string, count: number): void {
    if (final === 'A') this.#row -= count;
    if (final === 'K') this.lines[this.#row] = (this.lines[this.#row] ?? '').slice(0, this.#column);
    if (final === 'J') {
      this.lines[this.#row] = (this.lines[this.#row] ?? '').slice(0, this.#column);
      this.lines.length = this.#row + 1;
    }
  }
}

test('the live region is rewritten in place, grows, shrinks and never wraps; what is said for good stays above', () => {
  const screen = new Screen();
  const out = terminalOf(screen as never, {});
  out.line('first');
  out.live(['one', 'two', 'x'.repeat(200)]);
  assert.deepEqual(screen.lines, ['first', 'one', 'two', `${'x'.repeat(78)}…`, '']);
  out.live(['ONE']);
  assert.deepEqual(screen.lines, ['first', 'ONE', '']);
  out.line('second');
  out.live(['a', 'b']);
  assert.deepEqual(screen.lines, ['first', 'second', 'a', 'b', '']);
  out.live([]);
  out.line('third');
  assert.deepEqual(screen.lines, ['first', 'second', 'third', '']);
});

test('a live region higher than the screen says what it leaves out', () => {
  const screen = new Screen();
  screen.rows = 5;
  const out = terminalOf(screen as never, {});
  out.live(Array.from({ length: 9 }, (_, at) => `line ${at}`));
  assert.deepEqual(screen.lines, ['line 0', 'line 1', 'line 2', '  … 6 more lines', '']);
});

test('without a terminal the live region is silent', () => {
  const written: string[] = [];
  const out = terminalOf({ write: (text: string) => written.push(text) > 0, on: () => {} } as never, {});
  out.live(['a']);
  out.line('b');
  assert.deepEqual(written, ['b\n']);
});

test('text is cut and wrapped by what is seen, not by its colour codes', () => {
  const red = styleOf(true).red('abcdefgh');
  assert.equal(visible(red), 8);
  assert.equal(cut(red, 8), red);
  assert.equal(visible(cut(red, 5)), 5);
  assert.ok(cut(red, 5).endsWith('…\x1b[0m'));
  assert.equal(wrap('one two three four five six seven', 24, '  '), '  one two three four\n  five six seven');
});

test('a line leaves out its least important pieces first', () => {
  const pieces = [{ text: 'name' }, { text: 'p50 10 ms', optional: 1 }, { text: 'p95 20 ms', optional: 2 }, { text: 'holds' }];
  assert.equal(fit(pieces, 40), '  name  p50 10 ms  p95 20 ms  holds');
  assert.equal(fit(pieces, 30), '  name  p50 10 ms  holds');
  assert.equal(fit(pieces, 10), '  name  holds');
});

test('a table gives way in the column that may shrink', () => {
  const text = table([{ title: 'A' }, { title: 'B', shrinks: true }, { title: 'N', align: 'right' }], [['one', 'a long description', '7'], ['two', 'short', '12']], 22, (title) => title);
  assert.equal(text, 'A    B               N\none  a long descr…   7\ntwo  short          12');
  for (const line of text.split('\n')) assert.ok(visible(line) <= 22, line);
});

const frame = (figures: Record<string, number | null>[]): Pick<Frame, 'probes'> => ({
  probes: Object.fromEntries(figures.map((own, at) => [`p${at}`, { seq: 1, at: 0, probe: `p${at}`, phase: 'observe', ok: true, latency: 1, error: '', held: true, figures: own }])),
});
test('the distance to the abort is that of the nearest probe, rounded to the safe side', () => {
  const near = abortDistance('success_rate < 0.95', frame([{ success_rate: 1 }, { success_rate: 0.9629 }]));
  assert.deepEqual(near, { text: '1.2 points away', breached: false });
  assert.deepEqual(abortDistance('success_rate < 0.95', frame([{ success_rate: 0.95 }])), { text: '0.0 points away', breached: false });
  assert.deepEqual(abortDistance('success_rate <= 0.95', frame([{ success_rate: 0.95 }])), { text: 'breached', breached: true });
  assert.deepEqual(abortDistance('success_rate < 0.95', frame([{ success_rate: 0.2 }])), { text: 'breached', breached: true });
  assert.deepEqual(abortDistance('p99 > 800', frame([{ p99: 120 }, { p99: 512 }])), { text: '288 ms away', breached: false });
  assert.equal(abortDistance('success_rate < 0.95', frame([{ success_rate: null }])), undefined);
  assert.equal(abortDistance('success_rate < 0.95 || p99 > 10', frame([{ success_rate: 1 }])), undefined);
});

test('figures read as people write them', () => {
  assert.deepEqual([1, 0.99999, 0.993, 0.3, 0, null].map((value) => percent(value)), ['100 %', '99.9 %', '99.3 %', '30 %', '0 %', '–']);
  assert.deepEqual([0.34, 12.6, 1234].map((value) => ms(value)), ['0.3 ms', '13 ms', '1,234 ms']);
  assert.deepEqual([-5, 940, 12_400, 200_000, 600_000, 9_000_000].map(span), ['0.0 s', '0.9 s', '12 s', '3 min 20 s', '10 min', '2h30m']);
  assert.deepEqual([amount(1, 'cores'), amount(null, 'ms'), amount(0.7, 'ratio'), amount(3, 'per s')], ['1 core', 'not measured', '70 %', '3/s']);
});
