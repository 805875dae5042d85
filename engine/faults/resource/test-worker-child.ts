import { spawn, type ChildProcess } from 'node:child_process';

/** A program that does what a test tells it, one word and a number a line: `eat` MB, `burn` ms, `start` processes. */
const kept: Buffer[] = [];
const children: ChildProcess[] = [];
let line = '';
process.stdin.setEncoding('utf8').on('data', (text: string) => {
  line += text;
  for (let end = line.indexOf('\n'); end >= 0; end = line.indexOf('\n')) {
    act(line.slice(0, end));
    line = line.slice(end + 1);
  }
});
process.stdin.on('end', () => process.exit());
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
process.stdout.write('up\n');

function act(order: string): void {
  const [word, amount] = [order.split(' ')[0], Number(order.split(' ')[1])];
  if (word === 'eat') for (let mb = 0; mb < amount; mb++) kept.push(Buffer.alloc(1_048_576, kept.length + 1));
  if (word === 'burn') for (const end = performance.now() + amount; performance.now() < end; );
  let refused = 0;
  if (word === 'start') {
    for (let n = 0; n < amount; n++) {
      const child = spawn('sleep', ['60'], { stdio: 'ignore' }).on('error', () => {});
      if (child.pid === undefined) refused++;
      else children.push(child);
    }
  }
  process.stdout.write(`${word} ${word === 'start' ? refused : kept.length}\n`);
}
