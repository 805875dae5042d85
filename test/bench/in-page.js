// Runs in the room's page before its own scripts and watches it from within. Plain JavaScript, because the page takes it
// as it is. What it keeps does not grow, so that it cannot pass for a leak of the page.
(() => {
  /** Delays by whole milliseconds; the last bucket holds all that took longer. */
  const BUCKETS = 20_001;
  const histogram = () => new Uint32Array(BUCKETS);
  const count = (buckets, ms) => void (buckets[Math.min(BUCKETS - 1, Math.max(0, Math.round(ms)))] += 1);
  const fresh = () => ({
    since: performance.now(), displayed: 0, frames: 0, batches: 0, lines: 0, leftOut: 0, longTasks: [], rows: histogram(), all: histogram(), presses: [],
  });
  let taken = fresh();
  let firstFigure = null;

  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) if (taken.longTasks.length < 10_000) taken.longTasks.push([startTime, duration]);
  }).observe({ type: 'longtask', buffered: true });

  addEventListener('keydown', ({ key, timeStamp }) => {
    if (key === 'F8' && taken.presses.length < 1_000) taken.presses.push(performance.timeOrigin + timeStamp);
  }, { capture: true });

  /** When the lines of each batch were told by the engine, until they are seen to be painted. */
  let unpainted = [];
  const received = (text) => {
    if (typeof text !== 'string' || !text.includes('"kind":"item"')) return;
    if (text.includes('"value":{"lines":[')) {
      const ats = Array.from(text.matchAll(/"at":(\d+(?:\.\d+)?)/g), ([, at]) => Number(at));
      taken.batches += 1;
      taken.lines += ats.length;
      taken.leftOut += Number(/"leftOut":(\d+)/.exec(text.slice(-40))?.[1] ?? 0);
      if (ats.length > 0) unpainted.push(ats);
      if (unpainted.length > 100) unpainted.shift();
    } else if (/"value":\{"at":\d+(?:\.\d+)?,"run":/.test(text.slice(0, 120))) taken.frames += 1;
  };
  globalThis.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => received(data));
    }
  };

  /** The newest line of the journal that was ever seen painted. */
  let newest = 0;
  /** When the lines that the journal's rows show were told, wall-clock milliseconds. */
  const shown = (now) => {
    const rows = document.querySelectorAll('[data-type="log-journal"] [role="row"][data-kind]');
    return Array.from(rows, (row) => {
      const time = row.querySelector('time[datetime]');
      if (time !== null) return Date.parse(time.dateTime);
      const at = Date.parse(`${new Date(now).toISOString().slice(0, 11)}${row.firstElementChild?.textContent}Z`);
      // Written before midnight and read after it.
      return at > now + 3_600_000 ? at - 86_400_000 : at;
    });
  };

  // Once a screen refresh: a message posted in its callbacks comes when it has been painted.
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const now = Date.now();
    taken.displayed += 1;
    if (firstFigure === null && document.querySelector('[data-type="blast-radius"] tfoot td') !== null) firstFigure = performance.now();
    const fresh = shown(now).filter((at) => at > newest);
    if (fresh.length === 0) return;
    for (const at of fresh) count(taken.rows, now - at);
    newest = Math.max(...fresh);
    const painted = unpainted.filter((ats) => Math.floor(ats.at(-1)) <= newest);
    unpainted = unpainted.filter((ats) => Math.floor(ats.at(-1)) > newest);
    for (const ats of painted) for (const at of ats) count(taken.all, now - at);
  };
  const turn = () => {
    requestAnimationFrame(turn);
    port2.postMessage(0);
  };
  requestAnimationFrame(turn);

  /** Milliseconds to add to performance's wall-clock time to have the system's: read at the tick of a millisecond. */
  const skew = () => {
    const start = Date.now();
    for (;;) {
      const now = Date.now();
      if (now !== start) return now - (performance.timeOrigin + performance.now());
    }
  };
  const sparse = (buckets) => [...buckets.entries()].filter(([, many]) => many > 0);
  globalThis.roomWatch = {
    /** What was seen since it was last asked, and begins anew. */
    take: () => {
      const { rows, all, since, ...rest } = taken;
      taken = fresh();
      return { ...rest, ms: performance.now() - since, rows: sparse(rows), all: sparse(all), skew: skew() };
    },
    firstFigure: () => firstFigure,
  };
})();
