import {
  type Activators,
  PointerSensor,
  type PointerSensorOptions,
  type PointerSensorProps,
  type SensorInstance,
  type SensorProps,
} from '@dnd-kit/core';
import { flushSync } from 'react-dom';
import { type Step } from './layout.ts';

export interface GridKeyboardOptions {
  /** One press of an arrow on what is lifted; `resize` with shift. */
  onStep(step: { readonly dx: -1 | 0 | 1; readonly dy: -1 | 0 | 1; readonly resize: boolean }): void;
}

const ARROWS: Readonly<Record<string, readonly [-1 | 0 | 1, -1 | 0 | 1]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * Lifts with space or enter, then tells each arrow as a step of the grid. dnd-kit's own keyboard sensor moves by pixels
 * and scrolls instead of moving near an edge, so that presses and cells would not agree; it also knows no resizing.
 */
export class GridKeyboardSensor implements SensorInstance {
  // dnd-kit scrolls for a pointer near an edge; the board itself brings into view what the keyboard moves.
  autoScrollEnabled = false;
  readonly #props: SensorProps<GridKeyboardOptions>;
  readonly #listening = new AbortController();

  static activators: Activators<GridKeyboardOptions> = [
    {
      eventName: 'onKeyDown',
      handler: ({ nativeEvent, target }: { nativeEvent: KeyboardEvent; target: EventTarget }, _options, { active }) => {
        const handle = active.activatorNode.current ?? active.node.current;
        if (!['Space', 'Enter'].includes(nativeEvent.code) || target !== handle) return false;
        nativeEvent.preventDefault();
        return true;
      },
    },
  ];

  constructor(props: SensorProps<GridKeyboardOptions>) {
    this.#props = props;
    const { signal } = this.#listening;
    props.onStart({ x: 0, y: 0 });
    // The press that lifts is still on its way up to the document; it must not drop at once.
    document.addEventListener('keydown', (event) => event !== props.event && this.#onKey(event), {
      signal,
      capture: true,
    });
    document.addEventListener('visibilitychange', () => this.#end(props.onCancel), { signal });
    document.addEventListener('pointerdown', () => this.#end(props.onCancel), { signal, capture: true });
  }

  #onKey(event: KeyboardEvent): void {
    const arrow = ARROWS[event.code];
    if (arrow !== undefined) this.#props.options.onStep({ dx: arrow[0], dy: arrow[1], resize: event.shiftKey });
    else if (event.code === 'Escape') this.#end(this.#props.onCancel);
    else if (['Space', 'Enter', 'Tab'].includes(event.code)) this.#end(this.#props.onEnd);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #end(how: () => void): void {
    this.#listening.abort();
    how();
  }
}

/** What a press means for the place: its corner moves, or its size changes. */
export const stepOf = (dx: -1 | 0 | 1, dy: -1 | 0 | 1, resize: boolean): Step => ({
  ...(dx === 0 ? {} : { [resize ? 'w' : 'x']: dx }),
  ...(dy === 0 ? {} : { [resize ? 'h' : 'y']: dy }),
});

/**
 * Drops where the hand let go: dnd-kit ends with what was drawn last, so the last stretch of a quick hand, or of any
 * hand on a slow machine, would be lost.
 */
export class PromptPointerSensor extends PointerSensor {
  constructor(props: PointerSensorProps) {
    let last: Parameters<PointerSensorProps['onMove']>[0] | undefined;
    super({
      ...props,
      onMove: (coordinates) => {
        last = coordinates;
        props.onMove(coordinates);
      },
      onEnd: () => {
        const end = last;
        if (end !== undefined) flushSync(() => props.onMove(end));
        props.onEnd();
      },
    });
  }
}

/** A click must not count as a drag. */
export const POINTER: PointerSensorOptions = { activationConstraint: { distance: 4 } };
