import { type FSWatcher, watch } from 'node:fs';
import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { join, parse, resolve, sep } from 'node:path';
import { type FileIssue } from '../contract/models.ts';
import { type Clock } from '../kernel/clock.ts';
import { FirebreakError, messageOf } from '../kernel/errors.ts';
import { type FirebreakFile } from './file.ts';
import { type LoadOptions, type LoadResult, loadFile } from './load.ts';

/** How long the file must be quiet before it is read: an editor writes in several steps (CAPABILITIES: 300 ms). */
export const DEBOUNCE = 300;
/** How often the file is looked at anyway, for file systems that tell of no changes (NFS, some bind mounts). */
export const POLL = 2_000;

export interface WatchOptions extends LoadOptions {
  readonly clock: Clock;
  /** A file that is valid and says something else than the one given before. */
  onLoad(file: FirebreakFile): void | Promise<void>;
  /** After an error: the file is again what was given last, to the letter, so there is nothing to load. */
  onRestored?(): void | Promise<void>;
  /** A file that is broken or gone; the one given before stays in force. Each state of the file is told once. */
  onError(issues: readonly FileIssue[]): void | Promise<void>;
}

/**
 * Watches a file and gives each new valid content to `onLoad`, the first one included. It watches the directories of
 * the path and of every symbolic link on the way, not the file, since an editor that writes a new file and renames it,
 * or a Kubernetes ConfigMap that swaps the link `..data`, would leave a watch on a file that is no longer there.
 * Resolves after the first read. Disposing waits for a reload in flight; nothing is called back afterwards.
 */
export async function watchFile(path: string, options: WatchOptions): Promise<AsyncDisposable> {
  const watcher = new FileWatcher(path, options);
  await watcher.start();
  return watcher;
}

class FileWatcher implements AsyncDisposable {
  readonly #path: string;
  readonly #options: WatchOptions;
  readonly #watched = new Map<string, Watched>();
  #pending: Disposable | undefined;
  #poll: Disposable | undefined;
  #reading: Promise<void> = Promise.resolve();
  /** The content given last, and the findings told since; undefined = none. */
  #given: string | undefined;
  #told: string | undefined;
  #stamp = '';
  #closed = false;

  constructor(path: string, options: WatchOptions) {
    this.#path = path;
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#enqueue();
    this.#poll = this.#options.clock.every(POLL, () => void this.#look());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#pending?.[Symbol.dispose]();
    this.#poll?.[Symbol.dispose]();
    for (const key of this.#watched.keys()) this.#forget(key);
    await this.#reading;
  }

  /** Reads the file once it has been quiet for the debounce; each new sign of change starts the wait again. */
  #touch(): void {
    if (this.#closed) return;
    this.#pending?.[Symbol.dispose]();
    this.#pending = this.#options.clock.after(DEBOUNCE, () => {
      this.#pending = undefined;
      void this.#enqueue();
    });
  }

  /** One read after the other. */
  #enqueue(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#reload()).catch((error: unknown) => this.#blame(error));
    return this.#reading;
  }

  async #look(): Promise<void> {
    const stamp = await stampOf(this.#path);
    if (stamp === this.#stamp || this.#pending !== undefined || this.#closed) return;
    // No event came: what is watched may be a folder that has gone, even if a new one has its path and its inode.
    for (const key of this.#watched.keys()) this.#forget(key);
    this.#touch();
  }

  async #reload(): Promise<void> {
    if (this.#closed) return;
    // Before the read: what changes while it is read then differs from the stamp and is read again.
    this.#stamp = await stampOf(this.#path);
    await this.#follow();
    const result = await this.#load();
    if (this.#closed) return;
    if (result.ok) await this.#give(result.file);
    else await this.#tell(result.issues);
  }

  async #give(file: FirebreakFile): Promise<void> {
    const restored = this.#told !== undefined;
    this.#told = undefined;
    if (file.source === this.#given) return restored ? this.#options.onRestored?.() : undefined;
    this.#given = file.source;
    await this.#options.onLoad(file);
  }

  async #tell(issues: readonly FileIssue[]): Promise<void> {
    const told = JSON.stringify(issues);
    if (told === this.#told) return;
    this.#told = told;
    await this.#options.onError(issues);
  }

  /** A listener that fails must not end the watch: what it threw is told like a finding. */
  async #blame(error: unknown): Promise<void> {
    await this.#tell([this.#issue(messageOf(error), 'the file was read, but what depends on it failed')]).catch(
      () => {},
    );
  }

  #issue(message: string, hint: string): FileIssue {
    return { file: this.#path, line: 1, column: 1, path: '', message, hint };
  }

  async #load(): Promise<LoadResult> {
    try {
      return await loadFile(this.#path, this.#options);
    } catch (error) {
      return {
        ok: false,
        issues: [this.#issue(messageOf(error), error instanceof FirebreakError ? error.hint : 'check the file')],
      };
    }
  }

  /** Watches the directories that the path leads through now, and lets go of those it no longer does. */
  async #follow(): Promise<void> {
    const wanted = await directoriesOf(this.#path);
    if (this.#closed) return;
    for (const key of this.#watched.keys()) if (!wanted.has(key)) this.#forget(key);
    for (const [key, { directory, names }] of wanted) {
      const known = this.#watched.get(key);
      if (known !== undefined) known.names = names;
      else this.#watch(key, directory, names);
    }
  }

  #watch(key: string, directory: string, names: ReadonlySet<string>): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        // A system that gives no name may mean ours.
        if (name === null || this.#watched.get(key)?.names.has(name) === true) this.#touch();
      });
      watcher.on('error', () => this.#forget(key));
      this.#watched.set(key, { watcher, names });
    } catch {
      // The directory has gone, or the system has no watches left: the poll sees the change, only later.
    }
  }

  #forget(key: string): void {
    this.#watched.get(key)?.watcher.close();
    this.#watched.delete(key);
  }
}

interface Watched {
  readonly watcher: FSWatcher;
  names: ReadonlySet<string>;
}

/** Whatever differs between two states of the file: which one it is, where it lies, its times and its size. */
async function stampOf(path: string): Promise<string> {
  try {
    const [{ dev, ino, size, mtimeMs, ctimeMs }, real] = await Promise.all([stat(path), realpath(path)]);
    return [real, dev, ino, size, mtimeMs, ctimeMs].join(':');
  } catch (error) {
    return messageOf(error);
  }
}

/** As many links as Linux follows in one path (MAXSYMLINKS). */
const MAX_LINKS = 40;

/**
 * The directories in which a change can give the path another file, each with the names that matter there: where the
 * file lies, and where each link on the way lies. Keyed by path, inode and birth, so that a directory made anew is
 * another one even where inodes are used again.
 */
async function directoriesOf(path: string): Promise<Map<string, { directory: string; names: Set<string> }>> {
  const found = new Map<string, { directory: string; names: Set<string> }>();
  const add = async (directory: string, name: string): Promise<void> => {
    const { dev, ino, birthtimeMs } = await stat(directory);
    const key = `${directory}:${dev}:${ino}:${birthtimeMs}`;
    const entry = found.get(key) ?? { directory, names: new Set<string>() };
    entry.names.add(name);
    found.set(key, entry);
  };
  const absolute = resolve(path);
  let directory = parse(absolute).root;
  const rest = absolute
    .slice(directory.length)
    .split(sep)
    .filter((part) => part !== '');
  let links = 0;
  try {
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      const here = join(directory, name);
      const kind = await lstat(here).catch(() => undefined);
      if (rest.length === 0 || kind === undefined || kind.isSymbolicLink()) await add(directory, name);
      if (kind === undefined || links > MAX_LINKS) break;
      if (kind.isSymbolicLink()) {
        links++;
        const target = resolve(directory, await readlink(here));
        directory = parse(target).root;
        rest.unshift(
          ...target
            .slice(directory.length)
            .split(sep)
            .filter((part) => part !== ''),
        );
      } else {
        directory = here;
      }
    }
  } catch {
    // Something on the way vanished between two looks: what was found so far is watched, the poll does the rest.
  }
  return found;
}
