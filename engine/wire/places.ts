import type { Protocol } from '../contract/models.ts';
import type { Address } from './address.ts';

/** Where a route listens and what it serves, for protocols whose servers tell clients where else to go. */
export interface RoutePlace {
  readonly name: string;
  readonly protocol: Protocol;
  readonly listen: Address;
  readonly upstream: Address;
}

const places = new Map<string, RoutePlace>();

/** The open routes of this worker. */
export const routePlaces: ReadonlyMap<string, RoutePlace> = places;
export function placeRoute(place: RoutePlace): void {
  places.set(place.name, place);
}
export function forgetRoute(name: string): void {
  places.delete(name);
}
