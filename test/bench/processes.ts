import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

/** A process of a bench that answers in JSON lines. Ended by its disposer. */
export class Part implements Disposable {
  readonly child: ChildProcess;
  readonly #answers: AsyncIterator<string> | undefined;

  /** With `mute`, what it writes is thrown away: a server that logs would stand still once nobody empties its pipe. */
  constructor(command: string, args: readonly string[], mute = false) {
    this.child = spawn(command, args, { stdio: ['pipe', mute ? 'ignore' : 'pipe', mute ? 'ignore' : 'inherit'] });
    if (this.child.stdout !== null) this.#answers = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }
  /** A script of the folder `children`. */
  static node(script: string, ...args: readonly string[]): Part {
    return new Part(process.execPath, ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'children', script), ...args]);
  }
  async answer<T>(): Promise<T> {
    const { value, done } = (await this.#answers?.next()) ?? { value: '', done: true };
    if (done === true) throw new Error(`a process of the bench ended early: ${this.child.spawnargs.join(' ')}`);
    return JSON.parse(value) as T;
  }
  ask<T>(question: object): Promise<T> {
    this.child.stdin?.write(`${JSON.stringify(question)}\n`);
    return this.answer<T>();
  }
  /** CPU seconds used so far, user and system; NaN where /proc does not tell. */
  cpu(): number {
    try {
      const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
      // Fields 14 and 15 of proc(5), in ticks of 1/100 s (USER_HZ on every Linux that Node runs on).
      return (Number(fields[11]) + Number(fields[12])) / 100;
    } catch {
      return Number.NaN;
    }
  }
  /** Resident memory in MB; NaN where /proc does not tell. */
  memory(): number {
    try {
      return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))?.[1]) / 1_024;
    } catch {
      return Number.NaN;
    }
  }
  /** Lets it end by itself, as it does when its stdin ends; a process that has not done so after `ms` is killed. */
  async end(ms = 10_000): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    const late = setTimeout(() => this.child.kill('SIGKILL'), ms);
    this.child.stdin?.end();
    await ended;
    clearTimeout(late);
  }
  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }
}
