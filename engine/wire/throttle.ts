const SECOND = 1_000_000_000n;

/**
 * A token bucket that all workers share in one 64-bit word. The word holds the time, in nanoseconds of the machine's
 * monotonic clock, at which the bucket would be full again (the generic cell rate algorithm, ITU-T I.371, in its
 * virtual-scheduling form), so that taking a token is one compare-and-exchange. The bucket holds one second's worth.
 * @param rate tokens per second, above 0.
 * @returns false when the bucket is empty.
 */
export function takeToken(buckets: BigInt64Array, slot: number, rate: number, now = process.hrtime.bigint()): boolean {
  const cost = BigInt(Math.round(1e9 / rate));
  // A rate below one a second still lets single messages through.
  const depth = cost > SECOND ? cost : SECOND;
  for (;;) {
    const full = Atomics.load(buckets, slot);
    const after = (full > now ? full : now) + cost;
    if (after - now > depth) return false;
    if (Atomics.compareExchange(buckets, slot, full, after) === full) return true;
  }
}
