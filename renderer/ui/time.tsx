import { type ReactNode } from 'react';
import { usePreferences } from '../stores/preferences.ts';
import { dateTime, timeOfDay, zoneName } from './format.ts';

/** A time of day in the chosen zone; the other zone stands in the tooltip. */
export function Time({
  at,
  date = false,
  precise = false,
}: {
  readonly at: number;
  readonly date?: boolean;
  readonly precise?: boolean;
}): ReactNode {
  const zone = usePreferences(({ clock }) => clock);
  const other = zone === 'utc' ? 'local' : 'utc';
  return (
    <time dateTime={new Date(at).toISOString()} title={`${dateTime(at, other)} ${zoneName(at, other)}`}>
      {date ? dateTime(at, zone) : timeOfDay(at, zone, precise)}
    </time>
  );
}
