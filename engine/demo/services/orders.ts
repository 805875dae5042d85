import { realClock } from '../../kernel/clock.ts';
import { CircuitBreaker } from './breaker.ts';
import { Client } from './client.ts';
import { order } from './models.ts';
import { type Reply, runService } from './service.ts';

/** How long orders waits for one charge, milliseconds: three times what a slow payment provider takes. */
const PAYMENT_TIMEOUT = 1_500;
const CHARGE = { method: 'POST', path: '/charge', timeout: PAYMENT_TIMEOUT } as const;
/** At some 20 calls a second it opens within a second of an outage and finds out every 2 s whether it is over. */
const BREAKER = { window: 20, minimum: 10, threshold: 0.5, openFor: 2_000, trials: 3 };
/** How many placed orders are remembered, so that a retried order is not placed twice. */
const REMEMBERED = 1_000;

/** Places orders. The call to payments goes through a circuit breaker: during an outage it fails at once with a 503. */
runService('orders', ({ next, work }) => {
  const payments = new Client(next, realClock);
  const breaker = new CircuitBreaker(BREAKER, realClock);
  const placed = new Map<string, number>();
  return {
    'POST /orders': async (body): Promise<Reply> => {
      const asked = order.safeParse(body);
      if (!asked.success) return { status: 400, body: { error: 'expected { id, items, cents }' } };
      const { id, cents } = asked.data;
      await work(1, 3);
      if (placed.has(id)) return { status: 201, body: { order: id, cents } };
      const paid = await breaker.call(
        () => payments.call({ ...CHARGE, body: { order: id, cents } }),
        ({ status }) => status > 0 && status < 500,
      );
      if (paid === undefined) {
        const headers = { 'retry-after': String(BREAKER.openFor / 1_000) };
        return { status: 503, body: { error: 'payments are down: circuit open' }, headers };
      }
      if (paid.error === 'timeout') return { status: 504, body: { error: 'payments did not answer in time' } };
      if (paid.status !== 200) {
        return { status: 502, body: { error: `payments failed: ${paid.error || `HTTP ${paid.status}`}` } };
      }
      placed.set(id, cents);
      if (placed.size > REMEMBERED) placed.delete(placed.keys().next().value ?? '');
      return { status: 201, body: { order: id, cents } };
    },
    'GET /state': () => ({ status: 200, body: { breaker: breaker.state } }),
  };
});
