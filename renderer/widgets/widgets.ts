import { topology } from './topology/widget.tsx';
import { type Widget } from './widget.ts';

/** Every widget that a board can show, in the order in which they are offered. */
export const WIDGETS: readonly Widget[] = [topology];
