import { type ReactNode } from 'react';
import { useBlotted } from '../ui/discreet.tsx';
import css from './target.module.css';
import { partsOf } from './targets.ts';

/**
 * What a fault is aimed at, on one line: of a target on a route the route stands back behind what it takes there, and is cut first. All
 * of it is the tooltip.
 */
export function Target({ target }: { readonly target: string }): ReactNode {
  const blotted = useBlotted()(target);
  const { route, what } = partsOf(blotted);
  if (route === '')
    return (
      <span className={css['whole']} data-whole title={blotted}>
        {blotted}
      </span>
    );
  return (
    <span className={css['target']} title={blotted}>
      <span className="visually-hidden">route </span>
      <span className={css['route']}>{route} </span>
      <span className={css['what']}>{what}</span>
    </span>
  );
}
