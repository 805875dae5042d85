import { realClock } from '../../kernel/clock.ts';
import { seededStream } from '../../kernel/random.ts';
import { Client } from './client.ts';
import { report, runChild } from './service.ts';

/** A customer gives up after this long, milliseconds. */
const PATIENCE = 5_000;
/** How often the figures are reported, milliseconds. */
const REPORT_EVERY = 250;
/** The median is taken over so many of the newest answers. */
const RECENT = 200;
/** The rest of the traffic looks at the catalogue. */
const CHECKOUTS = 0.8;
/** Errands a second, of each kind. */
const ERRANDS = 5;

/**
 * Steady traffic on the shop's front: an open loop, so that a slow shop does not slow its customers down and the
 * outage is seen in full. Mix and spacing come from the seed; the spacing varies by half either way.
 */
runChild(({ next, seed, rate, parts }) => {
  const shop = new Client(next, realClock);
  const random = seededStream(seed, 0x10ad);
  const latencies: number[] = [];
  let [sent, ok, failed] = [0, 0, 0];

  const visit = async (path: string): Promise<void> => {
    sent++;
    const start = realClock.now();
    const { status } = await shop.call({ path, timeout: PATIENCE });
    if (status === 200) ok++;
    else failed++;
    if (status !== 0 && latencies.push(realClock.now() - start) > RECENT) latencies.shift();
  };
  const traffic = async (perSecond: number, arrive: () => void): Promise<void> => {
    for (let due = realClock.now() as number; ; ) {
      due += (1_000 / perSecond) * (0.5 + random());
      const ahead = due - realClock.now();
      if (ahead > 0) await realClock.sleep(ahead);
      // This process itself was held up: what is a second late is not made up for, it would come as a flood.
      else if (ahead < -1_000) due = realClock.now();
      arrive();
    }
  };
  realClock.every(REPORT_EVERY, () => {
    const ascending = latencies.toSorted((a, b) => a - b);
    report({ sent, ok, failed, p50: ascending[Math.ceil(ascending.length / 2) - 1] ?? null });
  });
  void traffic(rate, () => void visit(random() < CHECKOUTS ? '/checkout' : '/catalog'));
  for (const [name, address] of Object.entries(parts)) {
    const errands = new Client(address, realClock);
    void traffic(ERRANDS, () => void errands.call({ path: `/${name}`, timeout: PATIENCE }));
  }
});
