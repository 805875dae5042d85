import { connect } from 'node:net';

/**
 * Opens connections one after the other and says how long each took, as a list of milliseconds; those that failed are not
 * in it. A process of its own, as only a whole process can be in another network namespace. Arguments: host, port, how many,
 * milliseconds for all.
 */
const [host = '', port = '', count = '', within = ''] = process.argv.slice(2);
const end = performance.now() + Number(within);
const took: number[] = [];
// The first connection of a process takes longer, whatever the network.
await attempt('127.0.0.1', 9);
for (let i = 0; i < Number(count) && performance.now() < end; i++) {
  const time = await attempt(host, Number(port));
  if (time !== undefined) took.push(time);
}
process.stdout.write(JSON.stringify(took));

function attempt(to: string, at: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const from = performance.now();
    const socket = connect({ host: to, port: at });
    const done = (result: number | undefined): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(Math.max(1, end - from), () => done(undefined));
    socket.once('connect', () => done(performance.now() - from));
    socket.once('error', () => done(undefined));
  });
}
