import { type z } from 'zod';
import { type StoreApi, type UseBoundStore, create } from 'zustand';
import { follow, useConnection } from './connection.ts';
import { toast, toastError } from './toasts.ts';

/** A store that the engine keeps across reloads and restarts. `loaded` is false until the engine has told what it kept. */
export type Persisted<T> = T & { readonly loaded: boolean };

/** Changes within this time are saved as one, milliseconds. */
const SETTLE = 300;

/**
 * Makes a store whose state is kept by the engine under `key`. What does not fit the schema (a newer or older version's)
 * is put aside under `key.unread`, said, and the defaults are used. The last page to save wins; with `shared` a page takes
 * up what another has saved as soon as it is turned to.
 */
export function persisted<T extends object>(
  key: string,
  schema: z.ZodType<T>,
  defaults: T,
  { shared = false } = {},
): UseBoundStore<StoreApi<Persisted<T>>> {
  const store = create<Persisted<T>>()(() => ({ ...defaults, loaded: false }));
  let remote = JSON.stringify(defaults);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const plain = ({ loaded: _, ...rest }: Persisted<T>): unknown => rest;

  follow(async (client, signal) => {
    const { value } = await client.query('setting', { key }, signal);
    const known = schema.safeParse(value);
    if (known.success && !store.getState().loaded) {
      remote = JSON.stringify(known.data);
      // What was changed before the answer came is newer than the answer.
      const local = Object.entries(store.getState()).filter(
        ([name, value]) => name !== 'loaded' && value !== defaults[name as keyof T],
      );
      store.setState({ ...known.data, ...Object.fromEntries(local), loaded: true } as Partial<Persisted<T>>);
      return;
    }
    const unread = value !== null && !known.success && !store.getState().loaded;
    store.setState({ loaded: true } as Partial<Persisted<T>>);
    if (!unread) return;
    toast(
      'warn',
      `The kept ${key} cannot be read`,
      `The room begins with its defaults. What was kept stands aside in the engine as ${key}.unread.`,
    );
    await client.command('saveSetting', { key: `${key}.unread`, value }, signal);
  });
  const save = (): void => {
    timer = undefined;
    const { client } = useConnection.getState();
    const value = plain(store.getState());
    if (client === null) return void (timer = setTimeout(save, SETTLE));
    remote = JSON.stringify(value);
    client.command('saveSetting', { key, value }).catch((error: unknown) => {
      // Nobody knows whether it arrived: it is said again to the engine that comes next.
      if ((error as { code?: string }).code === 'disconnected') timer ??= setTimeout(save, SETTLE);
      else toastError(`What was changed last (${key}) is not kept for the next start`, error);
    });
  };
  store.subscribe((state) => {
    if (!state.loaded || JSON.stringify(plain(state)) === remote) return;
    clearTimeout(timer);
    timer = setTimeout(save, SETTLE);
  });
  // Another page may have changed it while this one was not looked at; what is changed here and not saved yet stays.
  const catchUp = async (): Promise<void> => {
    const { client } = useConnection.getState();
    if (client === null || timer !== undefined || !store.getState().loaded) return;
    const known = schema.safeParse((await client.query('setting', { key })).value);
    if (!known.success || timer !== undefined || JSON.stringify(known.data) === remote) return;
    remote = JSON.stringify(known.data);
    store.setState(known.data as Partial<Persisted<T>>);
  };
  if (shared) addEventListener('focus', () => void catchUp().catch(() => {}));
  // A change made just before the page is left must not be lost.
  addEventListener('pagehide', () => {
    if (timer !== undefined) save();
  });
  return store;
}
