import { createInterface } from 'node:readline';
import { closeSync, openSync, readSync } from 'node:fs';
import { connect } from 'node:net';

/** Does what a line says so many times, `connect PORT TIMES` or `read FILE TIMES`, and answers with the milliseconds that it took. */
const acts: Readonly<Record<string, (what: string, times: number) => Promise<void> | void>> = {
  connect: async (port, times) => {
    for (let i = 0; i < times; i++) {
      await new Promise<void>((resolve) => connect(Number(port), '127.0.0.1').on('error', () => {}).on('close', () => resolve()));
    }
  },
  read: (file, times) => {
    const fd = openSync(file, 'r');
    const into = Buffer.alloc(64);
    for (let i = 0; i < times; i++) readSync(fd, into, 0, 64, 0);
    closeSync(fd);
  },
};
for await (const line of createInterface({ input: process.stdin })) {
  const [verb = '', what = '', times = '0'] = line.split(' ');
  const began = performance.now();
  await acts[verb]?.(what, Number(times));
  process.stdout.write(`${performance.now() - began}\n`);
}
