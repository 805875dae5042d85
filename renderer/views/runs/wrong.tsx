import { type ReactNode } from 'react';
import { ErrorNote } from '../../ui/controls.tsx';
import css from './runs.module.css';

/** In the place of runs that cannot be shown. */
export function Wrong({ title, error }: { readonly title: string; readonly error: unknown }): ReactNode {
  return (
    <div className={css['wrong']}>
      <ErrorNote title={title} error={error} />
    </div>
  );
}
