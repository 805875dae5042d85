/** What is costly to start and may serve more than one scene of a process: started when it is first needed. */

const ending = new AsyncDisposableStack();

/** Ends all that was started. To be called at the end of the process's work. */
export const endShared = (): Promise<void> => ending.disposeAsync();

/** The same for everybody: what one scene does with it must not be seen by another. */
export function shared<T extends AsyncDisposable>(start: () => Promise<T>): () => Promise<T> {
  let started: Promise<T> | undefined;
  return () => (started ??= start().then((one) => ending.use(one)));
}

/** One for each user at a time, lent until disposed: whoever comes next finds what the last has left. */
export function lent<T extends AsyncDisposable>(start: () => Promise<T>): () => Promise<{ readonly it: T } & Disposable> {
  const idle: T[] = [];
  return async () => {
    const it = idle.pop() ?? ending.use(await start());
    return { it, [Symbol.dispose]: () => void idle.push(it) };
  };
}
