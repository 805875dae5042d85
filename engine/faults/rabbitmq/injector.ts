import { type Injector } from '../../kernel/fault.ts';
import type { AmqpExtra } from '../../wire/amqp/extra.ts';
import { wireInjector, type WireInjectorDeps, type WireUndo } from '../../wire/injector.ts';
import { counted, rabbitmqManifest, type RabbitmqParams } from './manifest.ts';

const WORDS = { one: 'message', many: 'messages' };
const DROP_WORDS = { ...WORDS, failure: { figure: 'loss rate', done: 'withheld' } };

/** Puts the policy into the wire, reads its counters as proof, and takes it out again. */
export function rabbitmqInjector(deps: WireInjectorDeps): Injector<RabbitmqParams, WireUndo> {
  return wireInjector<RabbitmqParams>(deps, {
    protocol: 'rabbitmq',
    manifest: rabbitmqManifest,
    counted,
    words: ({ dropMessage }) => (dropMessage ? DROP_WORDS : WORDS),
    policy: ({ dropMessage, dropReply, errorScope }) => ({ extra: { effect: dropMessage ? dropReply : errorScope, ...(dropMessage && { told: 'lost' }) } satisfies AmqpExtra }),
    hint: (_params, target) => (['all', '*', ''].includes(target.trim()) ? '' : '; it is the routing key of what is published, and the queue of what is delivered'),
  });
}
