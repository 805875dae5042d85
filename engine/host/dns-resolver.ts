import { type Clock } from '../kernel/clock.ts';
import { type DnsOrder } from './dns-order.ts';
import { endHeld, findHeld, type Held, startHeld } from './held.ts';
import { type NetNamespace } from './net-namespace.ts';
import { signal } from './signals.ts';

/** A resolver of Firebreak's own, and its inverse. */

export const DNS_ROLE = 'dns';

/** Starts a resolver in a network namespace. Ready when it answers and its rules, if it has any, are on their way to the kernel. */
export function startResolver({ token, namespace, hold }: { readonly token: string; readonly namespace: NetNamespace; readonly hold: number }, order: DnsOrder, clock: Clock): Held {
  const through = namespace.path === '' ? {} : { through: ['nsenter', `--net=${namespace.path}`, '--'] };
  const held = startHeld({ script: 'dns-resolver', role: DNS_ROLE, token, args: [`--hold=${hold}`], ...through }, clock);
  held.tell(JSON.stringify(order));
  return held;
}

/** It takes its rules away first, and that may take this long on a busy machine, milliseconds. */
const TAKES_LEAVE = 4_000;

/** Ends every resolver of this fault, with its rules. Idempotent. @throws FirebreakError `residue` */
export async function endResolver(token: string, clock: Clock): Promise<void> {
  const found = findHeld(DNS_ROLE, token);
  for (const identity of found) signal(identity, 'terminate');
  for (const end = clock.now() + TAKES_LEAVE; findHeld(DNS_ROLE, token).length > 0 && clock.now() < end; ) await clock.sleep(10);
  await endHeld(DNS_ROLE, token, clock);
}
