import { type Port } from '../contract/envelope.ts';

/**
 * Two ports joined in memory. Text crosses, as over any other transport, so that nothing leaks that could not cross a
 * process boundary; each message arrives in a turn of its own, in order.
 */
export function memoryPair(): readonly [Port, Port] {
  const left = new MemoryPort();
  const right = new MemoryPort();
  left.join(right);
  right.join(left);
  return [left, right];
}

class MemoryPort implements Port {
  #peer: MemoryPort | undefined;
  #listener: ((text: string) => void) | undefined;
  #onClose: ((why: string) => void) | undefined;
  #closed: string | undefined;
  #inbox: string[] = [];

  join(peer: MemoryPort): void {
    this.#peer = peer;
  }
  send(text: string): void {
    if (this.#closed !== undefined) return;
    const peer = this.#peer;
    if (peer !== undefined) queueMicrotask(() => peer.#receive(text));
  }
  onMessage(listener: (text: string) => void): void {
    this.#listener = listener;
    for (const text of this.#inbox.splice(0)) listener(text);
  }
  onClose(listener: (why: string) => void): void {
    this.#onClose = listener;
    if (this.#closed !== undefined) listener(this.#closed);
  }
  close(why = 'closed'): void {
    if (this.#closed !== undefined) return;
    // In the order of the messages: what was sent before closing arrives before the close.
    queueMicrotask(() => this.#peer?.close(why));
    this.#closed = why;
    this.#onClose?.(why);
  }
  #receive(text: string): void {
    if (this.#closed !== undefined) return;
    if (this.#listener === undefined) this.#inbox.push(text);
    else this.#listener(text);
  }
}
