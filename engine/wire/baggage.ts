/**
 * The context that travels with a request from service to service, for conditions: W3C Baggage
 * (https://www.w3.org/TR/baggage/) and W3C Trace Context.
 */
export interface TravellingContext {
  readonly baggage: Readonly<Record<string, string>>;
  readonly trace: { readonly id: string; readonly parent: string };
}

/** W3C Trace Context, 3.2.2: version, trace id, parent id, flags; ids of zeros are none. */
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}/i;

/** @param header the value of a header by its name in lower case; undefined when the message has none. */
export function contextOf(header: (name: string) => string | undefined): TravellingContext {
  const parts = TRACEPARENT.exec(header('traceparent')?.trim() ?? '');
  return {
    baggage: baggageOf(header('baggage') ?? ''),
    trace: { id: parts?.[1]?.toLowerCase() ?? '', parent: parts?.[2]?.toLowerCase() ?? '' },
  };
}

/** What a `traceparent` header says of who sent a message, for `describe`. */
export function sentBy(traceparent: string): { readonly traceId: string; readonly parentId?: string } {
  const parts = TRACEPARENT.exec(traceparent.trim());
  return parts === null ? { traceId: '' } : { traceId: (parts[1] as string).toLowerCase(), parentId: (parts[2] as string).toLowerCase() };
}


/** The same from a context that is known already. */
export const senderOf = ({ trace: { id, parent } }: TravellingContext): { readonly traceId: string; readonly parentId?: string } =>
  id === '' ? { traceId: '' } : { traceId: id, parentId: parent };

/** Keys and decoded values of a `baggage` header; properties are left out, and of a key that comes twice the first counts. */
export function baggageOf(header: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const member of header.split(',')) {
    const pair = member.split(';', 1)[0] as string;
    const equals = pair.indexOf('=');
    if (equals < 1) continue;
    const key = pair.slice(0, equals).trim();
    if (key !== '' && !Object.hasOwn(found, key)) found[key] = decoded(pair.slice(equals + 1).trim());
  }
  return found;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
