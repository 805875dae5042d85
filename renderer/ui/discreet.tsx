import { type ReactNode } from 'react';
import { usePreferences } from '../stores/preferences.ts';
import { blotHosts } from './blot.ts';

/** Text that strangers must not read: a host, an address, a payload. Blotted out, width kept, while the room is discreet. */
export function Discreet({ children }: { readonly children: string }): ReactNode {
  const hidden = usePreferences(({ discreet }) => discreet);
  return hidden ? <span aria-label="hidden">{'•'.repeat(Math.min(12, Math.max(4, children.length)))}</span> : children;
}

/** The same, for text that cannot hold an element, such as a chart's label. */
export function useDiscreet(): (text: string) => string {
  const hidden = usePreferences(({ discreet }) => discreet);
  return (text) => (hidden ? '•'.repeat(Math.min(12, Math.max(4, text.length))) : text);
}

/** Blots out only the hosts within a sentence, such as what a probe says of its last error. */
export function useBlotted(): (text: string) => string {
  const hidden = usePreferences(({ discreet }) => discreet);
  return hidden ? blotHosts : same;
}
const same = (text: string): string => text;
