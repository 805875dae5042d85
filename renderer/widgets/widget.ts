import { type ComponentType } from 'react';
import { type z } from 'zod';

/** A size on the board's grid: 12 columns, rows of a fixed height. */
export interface Size {
  readonly w: number;
  readonly h: number;
}

export interface WidgetProps<Settings> {
  readonly id: string;
  readonly settings: Settings;
  /** Keeps changed settings; for what is set in the widget itself, such as a filter. */
  change(settings: Settings): void;
  /** True while it fills the whole board. */
  readonly expanded: boolean;
}

/**
 * A widget of the board. The frame around it (title, handle, menu, settings form made from the schema and its `.meta()`)
 * is the board's; the widget fills the rest, at any size from `least` on, and designs its own empty, loading and error state.
 */
export interface Widget<Settings extends object = object> {
  readonly type: string;
  readonly title: string;
  /** One sentence for whoever chooses it. */
  readonly about: string;
  readonly size: Size;
  readonly least: Size;
  /** Every field has a default, so that `parse({})` gives the first settings. `.meta({ title, help })` names the fields. */
  readonly settings: z.ZodType<Settings>;
  readonly component: ComponentType<WidgetProps<Settings>>;
}

/** Ties the type of the settings to the component that reads them. */
export function defineWidget<Settings extends object>(widget: Widget<Settings>): Widget {
  // The board keeps settings as the schema gave them to it, so a component never sees another's.
  return widget as unknown as Widget;
}
