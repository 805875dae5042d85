import { z } from 'zod';
import { persisted } from './persisted.ts';

const schema = z.object({
  theme: z.enum(['dark', 'light', 'system']),
  /** Large type for a shared screen. */
  presenter: z.boolean(),
  /** Blots out hosts, addresses and payloads, for a screen that strangers see. */
  discreet: z.boolean(),
  /** Whether times are shown in UTC first or in this machine's zone first. */
  clock: z.enum(['utc', 'local']),
  /** The first start's welcome was answered. */
  welcomed: z.boolean(),
  /** Where a trace is looked up; `{trace}` stands for its id. '' when nowhere. */
  traceUrl: z.string().max(2_000),
});
export type Preferences = z.infer<typeof schema>;

export const usePreferences = persisted<Preferences>(
  'preferences',
  schema,
  {
    theme: 'dark',
    presenter: false,
    discreet: false,
    clock: 'utc',
    welcomed: false,
    traceUrl: '',
  },
  { shared: true },
);

/** Puts theme and type size on the page, now and at each change. */
export function applyPreferences(): void {
  const light = matchMedia('(prefers-color-scheme: light)');
  const apply = (): void => {
    const { theme, presenter } = usePreferences.getState();
    const { dataset } = document.documentElement;
    dataset['theme'] = theme === 'system' ? (light.matches ? 'light' : 'dark') : theme;
    if (presenter) dataset['presenter'] = '';
    else delete dataset['presenter'];
  };
  apply();
  usePreferences.subscribe(apply);
  light.addEventListener('change', apply);
}
