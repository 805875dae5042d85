import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size of an element's content in pixels, kept up to date; null until it is known or while it has none. */
export function useSize<E extends HTMLElement>(): [RefObject<E | null>, Size | null] {
  const element = useRef<E>(null);
  const [size, setSize] = useState<Size | null>(null);
  useLayoutEffect(() => {
    const { current } = element;
    if (current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const { width, height } = entry.contentRect;
      // Whole pixels: less would draw the chart anew for nothing.
      const next = { width: Math.floor(width), height: Math.floor(height) };
      setSize((before) =>
        next.width <= 0 || next.height <= 0
          ? null
          : before?.width === next.width && before.height === next.height
            ? before
            : next,
      );
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  return [element, size];
}
