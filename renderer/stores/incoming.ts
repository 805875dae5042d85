import { create } from 'zustand';
import { type OpenedFile } from '../../engine/contract/desktop.ts';
import { go } from './place.ts';

interface Incoming {
  /** A file that waits to be opened in the builder; null when none does. */
  readonly file: OpenedFile | null;
}
export const useIncoming = create<Incoming>()(() => ({ file: null }));

/** Goes to the builder and opens a file there; a later one takes the place of one that still waits. */
export function openInBuilder(file: OpenedFile): void {
  useIncoming.setState({ file });
  go('builder');
}
