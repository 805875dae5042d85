import { type Line } from '../../stores/lines.ts';
import { type Zone, count, dateTime, duration, zoneName } from '../../ui/format.ts';

export const plural = (lines: number): string => `${count(lines)} ${lines === 1 ? 'line' : 'lines'}`;

/** What stands in the column of figures: the status given in the server's place, or how long it was held back. */
export const figureOf = ({ status, delayMs }: Line): string =>
  status !== null ? String(status) : delayMs !== null ? duration(delayMs) : '';

/** `2026-11-21 14:03:27.125 UTC`. */
export function exactTime(at: number, zone: Zone): string {
  return `${dateTime(at, zone)}.${String(new Date(at).getUTCMilliseconds()).padStart(3, '0')} ${zoneName(at, zone)}`;
}

/** Where a trace is looked up; undefined when no such place is set, or one that no browser should open. */
export function traceLink(template: string, traceId: string): string | undefined {
  if (traceId === '' || !template.includes('{trace}')) return undefined;
  const url = URL.parse(template.replaceAll('{trace}', encodeURIComponent(traceId)));
  return url !== null && ['http:', 'https:'].includes(url.protocol) ? url.href : undefined;
}

/** What was done to what; a statement begins with its verb already. */
export const calledOf = ({ method, target }: Pick<Line, 'method' | 'target'>): readonly string[] =>
  target === method || target.startsWith(`${method} `) ? [target] : [method, target];

/** Protocols whose messages are aimed at topics, queues, collections and tables: dots and all, their names are no hosts. */
const OWN_NAMES: ReadonlySet<string> = new Set(['kafka', 'rabbitmq', 'mongo', 'sql']);
/** Whether a host may stand where the line says what was aimed at; a handshake in TLS asks for one, whatever is spoken in it. */
export const mayNameHost = ({ protocol, method }: Pick<Line, 'protocol' | 'method'>): boolean =>
  !OWN_NAMES.has(protocol) || method === 'HANDSHAKE';

/** One line of text, for a chat or a ticket. */
export function textOf(line: Line): string {
  const { at, source, protocol, word, policy, of } = line;
  const named: readonly (readonly [string, string])[] = [
    ['policy', policy],
    ...(of.kind === 'message'
      ? ([
          ['request', of.message.requestId],
          ['trace', of.message.traceId],
        ] as const)
      : []),
  ];
  const parts = [new Date(at).toISOString(), source, protocol, ...calledOf(line), word, figureOf(line)];
  return [...parts, ...named.flatMap(([name, value]) => (value === '' ? [] : [`${name}=${value}`]))]
    .filter(Boolean)
    .join(' ');
}

/** The line as the engine told it, as JSON on one line. */
export function jsonOf({ at, of }: Line): string {
  switch (of.kind) {
    case 'message':
      return JSON.stringify(of.message);
    case 'event':
      return JSON.stringify(of.event);
    case 'gap':
      return JSON.stringify({ at, leftOut: of.leftOut });
  }
}

/** Lines written between two rests: a few milliseconds of work. */
const WRITTEN_AT_ONCE = 500;

/** Writes many lines without holding up the page. `rest` lets others have their turn. */
export async function written(
  lines: readonly Line[],
  write: (line: Line) => string,
  rest: () => Promise<void>,
): Promise<string> {
  const pieces: string[] = [];
  for (let next = 0; next < lines.length; next += WRITTEN_AT_ONCE) {
    if (next > 0) await rest();
    pieces.push(
      lines
        .slice(next, next + WRITTEN_AT_ONCE)
        .map(write)
        .join('\n'),
    );
  }
  return pieces.join('\n');
}
