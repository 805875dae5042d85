import type { WebContents } from 'electron';
import { CHANNEL, PUSHED, type PushedChannel } from './channels.ts';

/** How much is kept for a page that does not listen yet. */
const MOST = 20;

/**
 * What the host tells the page. Files and notices wait until the page listens; a menu entry does not, for it would
 * happen long after it was chosen.
 */
export class Mailbox {
  #contents: WebContents | undefined;
  readonly #listening = new Set<PushedChannel>();
  readonly #kept: { readonly channel: PushedChannel; readonly value: unknown }[] = [];

  /** From now on this page is told. */
  attach(contents: WebContents): void {
    this.#contents = contents;
    this.#listening.clear();
    // Not when a navigation starts: one that is then denied leaves the page, and its listeners, where they are.
    contents.on('did-navigate', () => this.#listening.clear());
    contents.once('destroyed', () => {
      if (this.#contents !== contents) return;
      this.#contents = undefined;
      this.#listening.clear();
    });
    // Before whoever tells of it: what is posted then is for the page that comes.
    contents.prependListener('render-process-gone', () => this.#listening.clear());
  }
  post(channel: PushedChannel, value: unknown): void {
    if (this.#listening.has(channel)) this.#contents?.send(channel, value);
    else if (channel !== CHANNEL.menu && this.#kept.length < MOST) this.#kept.push({ channel, value });
  }
  /** The page listens to a channel; anything else is ignored. */
  listen(name: unknown): void {
    const channel = PUSHED.find((known) => known === name);
    if (channel === undefined) return;
    this.#listening.add(channel);
    const due = this.#kept.filter((one) => one.channel === channel);
    for (const one of due) {
      this.#kept.splice(this.#kept.indexOf(one), 1);
      this.#contents?.send(channel, one.value);
    }
  }
}
