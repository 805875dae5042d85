import { Activity, FileCode2, LayoutDashboard, ServerCog } from 'lucide-react';
import { type ComponentType, lazy } from 'react';
import { type ButtonProps } from '../ui/controls.tsx';

/** A screen of the room. Loaded when it is first gone to. */
export interface View {
  readonly id: string;
  readonly title: string;
  readonly keys: string;
  readonly icon: NonNullable<ButtonProps['icon']>;
  /** `rest`: what follows the view in the address, such as a run's id. */
  readonly component: ComponentType<{ readonly rest: readonly string[] }>;
}

export const VIEWS: readonly View[] = [
  { id: 'board', title: 'Board', keys: 'g b', icon: LayoutDashboard, component: lazy(() => import('./board/view.tsx')) },
  { id: 'builder', title: 'Builder', keys: 'g p', icon: FileCode2, component: lazy(() => import('./builder/view.tsx')) },
  { id: 'runs', title: 'Runs', keys: 'g r', icon: Activity, component: lazy(() => import('./runs/view.tsx')) },
  { id: 'machine', title: 'Machine', keys: 'g m', icon: ServerCog, component: lazy(() => import('./machine/view.tsx')) },
];
