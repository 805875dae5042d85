import { Activity, FileCode2, LayoutDashboard, ServerCog } from 'lucide-react';
import { type ComponentType, lazy } from 'react';
import { type ButtonProps } from '../ui/controls.tsx';
import { loadPart, loadWhenIdle } from './load.ts';

/** A screen of the room. Loaded when it is first gone to, or when there is time. */
export interface View {
  readonly id: string;
  readonly title: string;
  readonly keys: string;
  readonly icon: NonNullable<ButtonProps['icon']>;
  /** `rest`: what follows the view in the address, such as a run's id. */
  readonly component: ComponentType<{ readonly rest: readonly string[] }>;
}

const board = () => import('./board/view.tsx');
const builder = () => import('./builder/view.tsx');
const runs = () => import('./runs/view.tsx');
const machine = () => import('./machine/view.tsx');

export const VIEWS: readonly View[] = [
  { id: 'board', title: 'Board', keys: 'g b', icon: LayoutDashboard, component: lazy(() => loadPart(board)) },
  { id: 'builder', title: 'Builder', keys: 'g p', icon: FileCode2, component: lazy(() => loadPart(builder)) },
  { id: 'runs', title: 'Runs', keys: 'g r', icon: Activity, component: lazy(() => loadPart(runs)) },
  { id: 'machine', title: 'Machine', keys: 'g m', icon: ServerCog, component: lazy(() => loadPart(machine)) },
];

/** Every view, also those that nobody has gone to yet. */
export const loadViews = (): void => loadWhenIdle([board, runs, machine, builder]);
