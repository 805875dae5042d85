import { contextOf, faultRequest } from '../../../test/support/fault-life.ts';
import { realClock } from '../../kernel/clock.ts';
import { dnsInjector } from './injector.ts';
import { dnsManifest, type DnsParams } from './manifest.ts';
import { type DnsUndo } from './undo.ts';

/** A dns fault on the whole host, for a process within a stage: to it the stage is the host. */

/** @param redirect why there are no rules here; '' when there are. @returns the undo record. */
export async function begin(fields: Record<string, unknown>, redirect = ''): Promise<string> {
  const injector = dnsInjector({ clock: realClock, can: () => ({ redirect, groups: redirect }) });
  const request = faultRequest<DnsParams>(dnsManifest, fields, { target: 'host' });
  const [plan] = await injector.plan(request, AbortSignal.timeout(60_000));
  if (plan === undefined) throw new Error('nothing was planned');
  verify = async () => JSON.stringify(await injector.verify(plan.undo, contextOf(request)));
  await injector.inject(plan.undo, contextOf(request));
  return JSON.stringify(plan.undo);
}
export let verify = async (): Promise<string> => '';

/** Undoes it by the record alone. @returns what is left, in words. */
export async function end(record: DnsUndo): Promise<string> {
  const injector = dnsInjector({ clock: realClock });
  const undo = injector.undo.parse(record);
  await injector.revert(undo);
  return injector.fingerprint(undo);
}
