import { startHelper } from '../../engine/helper.ts';

/** The real helper, for the tests that kill it at a boundary of its own. Arguments: the boundary at which to stand still, and its user. */
const [standAt = 'none', uid = ''] = process.argv.slice(2);
const tell = (what: string, more: object = {}): void => void process.stdout.write(`${JSON.stringify({ what, ...more })}\n`);
/** The test kills it long before; milliseconds. */
const STAND = 60_000;
const block = new Int32Array(new SharedArrayBuffer(4));
process.stdin.on('end', () => process.exit(1));

await startHelper({
  uid: Number(uid),
  log: (text) => tell('log', { text }),
  boundary: (name) => {
    if (name !== standAt) return;
    tell('boundary', { name });
    Atomics.wait(block, 0, 0, STAND);
    process.exit(1);
  },
});
tell('serving');
