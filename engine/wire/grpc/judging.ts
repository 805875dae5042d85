import { both, type Verdict } from '../effects.ts';
import type { OpenRoute } from '../open-route.ts';
import type { CallSide } from './call.ts';

/**
 * Scopes of policies for single messages: judged each by itself, or by the dice of their call; in both directions or in
 * one. A call as a whole has the scope ''.
 */
const SCOPES = ['message', 'stream'] as const;
const toServer = SCOPES.map((scope) => [scope, `${scope}:to-server`] as const);
const toClient = SCOPES.map((scope) => [scope, `${scope}:to-client`] as const);

/** Methods whose calls are counted apart; further ones share a number. */
const MAX_METHODS = 10_000;
const ordinals = new WeakMap<OpenRoute, Map<string, number>>();

/** Whether there are policies for messages of this direction. */
export function judgesMessages({ effects, protocol, name }: OpenRoute, down: boolean): boolean {
  if (!effects.gate(protocol, name)) return false;
  return (down ? toClient : toServer).some((scopes) => scopes.some((scope) => effects.gateScope(protocol, name, scope)));
}

/** Judges the message of this side that begins now. */
export function judgeMessage(route: OpenRoute, side: CallSide): Verdict | undefined {
  const { effects, protocol, name } = route;
  const { call } = side;
  const { list, nameField } = call.subject;
  if (nameField < 0) return undefined;
  const from = list.at[nameField * 2 + 1] as number;
  const to = list.at[nameField * 2 + 2] as number;
  let verdict: Verdict | undefined;
  for (const scopes of side.down ? toClient : toServer) {
    for (const scope of scopes) {
      if (!effects.gateScope(protocol, name, scope)) continue;
      const single = scopes[0] === 'message';
      const place = single ? side.count : ordinalOf(route, side);
      verdict = both(verdict, effects.judge(protocol, name, list.bytes, from, to, call.subject, scope, place, single ? -1 : place));
    }
  }
  return verdict;
}

/** The dice of a call are thrown by its number among the calls of its method on this route. */
function ordinalOf(route: OpenRoute, { call }: CallSide): number {
  if (call.ordinal >= 0) return call.ordinal;
  let methods = ordinals.get(route);
  if (methods === undefined) ordinals.set(route, (methods = new Map()));
  const path = call.subject.list.valueOf(call.subject.nameField);
  const method = methods.size < MAX_METHODS || methods.has(path) ? path : '';
  call.ordinal = methods.get(method) ?? 0;
  methods.set(method, call.ordinal + 1);
  return call.ordinal;
}
