import { randomUUID } from 'node:crypto';
import { realClock } from '../../kernel/clock.ts';
import { Client } from './client.ts';
import { CATALOG, type Order } from './models.ts';
import { withRetry } from './retry.ts';
import { type Reply, runService } from './service.ts';

/** Longer than orders waits for payments, so that its answer arrives; milliseconds. */
const ORDER_TIMEOUT = 2_000;
/** At most three tries. More would turn a small outage of orders into a flood of retries. */
const RETRY = { tries: 3, backoff: 40 };

/** The shop's front. The call to orders has a timeout and bounded retries with back-off. */
runService('storefront', ({ next, work, random }) => {
  const orders = new Client(next, realClock);
  const names = Object.keys(CATALOG);
  const basket = (): Order => {
    const pick = (): string => names[Math.floor(random() * names.length)] ?? 'helmet';
    const items = Array.from({ length: 1 + Math.floor(random() * 3) }, pick);
    // The id is made here, once, for all tries: that is what makes retrying an order safe.
    return { id: randomUUID(), items, cents: items.reduce((sum, item) => sum + (CATALOG[item] ?? 0), 0) };
  };
  return {
    'GET /checkout': async (): Promise<Reply> => {
      await work(1, 2);
      const asked = basket();
      const placed = await withRetry(
        () => orders.call({ method: 'POST', path: '/orders', body: asked, timeout: ORDER_TIMEOUT }),
        // A 503 says "not now": trying again at once would be the opposite of what the circuit breaker is for.
        ({ status }) => status !== 0 && status !== 502 && status !== 504,
        RETRY,
        realClock,
        random,
      );
      const { id, items, cents } = asked;
      if (placed.status === 201) return { status: 200, body: { order: id, items, cents } };
      const status = placed.status === 503 ? 503 : 502;
      return { status, body: { error: 'your order could not be placed', cause: placed.body ?? placed.error } };
    },
    'GET /catalog': async (): Promise<Reply> => {
      await work(0, 2);
      return { status: 200, body: CATALOG };
    },
  };
});
