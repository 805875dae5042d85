import { realClock } from '../../kernel/clock.ts';
import { Client } from './client.ts';
import { charge } from './models.ts';
import { type Reply, runService } from './service.ts';

/**
 * Charges the customer and books it. The call to the ledger is naive on purpose: no timeout, no retry, no breaker.
 * While the ledger hangs, every charge hangs with it; an experiment shows who upstream notices, and when.
 */
runService('payments', ({ next, work }) => {
  const ledger = new Client(next, realClock);
  return {
    'POST /charge': async (body): Promise<Reply> => {
      const asked = charge.safeParse(body);
      if (!asked.success) return { status: 400, body: { error: 'expected { order, cents }' } };
      await work(2, 6);
      const booked = await ledger.call({ method: 'POST', path: '/entries', body: asked.data });
      if (booked.status === 201) return { status: 200, body: { order: asked.data.order, charged: asked.data.cents } };
      return { status: 502, body: { error: `the ledger did not book it: ${booked.error || `HTTP ${booked.status}`}` } };
    },
  };
});
