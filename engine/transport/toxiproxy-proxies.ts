import { type EngineClient } from '../contract/client.ts';
import { addressOf, routeNameOf, routeOf } from './toxiproxy-routes.ts';
import { badBody, changeToxic, fieldOf, missingField, objectOf, policyOf, readToxic, type ToxicShown, ToxiproxyError } from './toxiproxy-toxics.ts';

/** A proxy as the API shows it. */
export interface ProxyShown {
  readonly name: string;
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
  readonly toxics: readonly ToxicShown[];
}

/** A fault in force: the run of its apply, and whether it was undone, once it is over. */
interface InForce {
  readonly run: string;
  readonly over: Promise<boolean>;
}
interface Toxic {
  shown: ToxicShown;
  fault?: InForce | undefined;
}
interface Proxy {
  readonly name: string;
  listen: string;
  upstream: string;
  /** It listens; a proxy that was never enabled has not begun to. */
  open: boolean;
  /** What keeps everybody out while it is not enabled. */
  down?: InForce | undefined;
  readonly toxics: Toxic[];
}

/** What a request asks of a proxy. */
interface Asked {
  readonly name: string;
  readonly listen: string;
  readonly upstream: string;
  readonly enabled: boolean;
}

const notFound = (what: string): ToxiproxyError => new ToxiproxyError(`${what} not found`, 404);
const ENGINE_ONLY = 'the engine has an open route of this name';

/**
 * Proxies as routes and toxics as faults, both through the engine's contract: so they are journalled, leased, seen in the
 * room, and ended by HALT like everything else. A fault that ends by itself is gone from here too. One request at a time.
 */
export class ToxiproxyProxies {
  readonly #client: EngineClient;
  readonly #ttlMs: number;
  readonly #proxies = new Map<string, Proxy>();
  #turn: Promise<unknown> = Promise.resolve();

  /** `ttlMs`: how long a toxic stays at most. */
  constructor(client: EngineClient, ttlMs: number) {
    this.#client = client;
    this.#ttlMs = ttlMs;
  }

  /** By name. */
  list(): Readonly<Record<string, ProxyShown>> {
    return Object.fromEntries([...this.#proxies.keys()].sort().map((name) => [name, this.show(name)]));
  }
  show(name: string): ProxyShown {
    return shownOf(this.#proxy(name));
  }
  toxic(proxy: string, name: string): ToxicShown {
    return this.#toxic(this.#proxy(proxy), name).shown;
  }

  create(body: unknown): Promise<ProxyShown> {
    return this.#inTurn(async () => {
      const asked = askedOf(objectOf(body), { name: '', listen: '', upstream: '', enabled: true });
      if (asked.name === '') throw missingField('name');
      if (asked.upstream === '') throw missingField('upstream');
      if (this.#proxies.has(asked.name)) throw new ToxiproxyError('proxy already exists', 409);
      return shownOf(await this.#add(asked));
    });
  }

  /** All of the list, those that exist already replaced if they are to listen or lead elsewhere; stops at the first that fails. */
  populate(body: unknown): Promise<{ proxies: readonly ProxyShown[]; error: unknown }> {
    return this.#inTurn(async () => {
      if (!Array.isArray(body)) throw badBody('expected an array of proxies');
      const wanted = body.map((one, i) => {
        const asked = askedOf(objectOf(one), { name: '', listen: '', upstream: '', enabled: true });
        if (asked.name === '') throw missingField(`name at proxy ${i + 1}`);
        if (asked.upstream === '') throw missingField(`upstream at proxy ${i + 1}`);
        return asked;
      });
      const proxies: ProxyShown[] = [];
      try {
        for (const asked of wanted) {
          let proxy = this.#proxies.get(asked.name);
          if (proxy !== undefined && (proxy.listen !== addressOf(asked.listen) || proxy.upstream !== asked.upstream)) {
            await this.#remove(proxy);
            proxy = undefined;
          }
          proxies.push(shownOf(proxy ?? (await this.#add(asked))));
        }
      } catch (error) {
        return { proxies, error };
      }
      return { proxies, error: undefined };
    });
  }

  update(name: string, body: unknown): Promise<ProxyShown> {
    return this.#inTurn(async () => {
      const proxy = this.#proxy(name);
      const before = shownOf(proxy);
      const asked = askedOf(objectOf(body), before);
      if (addressOf(asked.listen) !== before.listen || asked.upstream !== before.upstream) {
        await this.#close(proxy);
        proxy.listen = asked.listen;
        proxy.upstream = asked.upstream;
        if (asked.enabled) await this.#enable(proxy);
      } else if (asked.enabled !== before.enabled) {
        await (asked.enabled ? this.#enable(proxy) : this.#disable(proxy));
      }
      return shownOf(proxy);
    });
  }
  remove(name: string): Promise<void> {
    return this.#inTurn(() => this.#remove(this.#proxy(name)));
  }

  addToxic(name: string, body: unknown): Promise<ToxicShown> {
    return this.#inTurn(async () => {
      const proxy = this.#proxy(name);
      const toxic: Toxic = { shown: readToxic(body, (taken) => proxy.toxics.some(({ shown }) => shown.name === taken)) };
      if (proxy.open) await this.#inject(proxy, toxic);
      proxy.toxics.push(toxic);
      return toxic.shown;
    });
  }
  changeToxic(name: string, toxicName: string, body: unknown): Promise<ToxicShown> {
    return this.#inTurn(async () => {
      const proxy = this.#proxy(name);
      const toxic = this.#toxic(proxy, toxicName);
      const changed = changeToxic(toxic.shown, body);
      await this.#end(toxic);
      toxic.shown = changed;
      // Its own end has taken it off the list.
      if (!proxy.toxics.includes(toxic)) proxy.toxics.push(toxic);
      if (proxy.open) await this.#inject(proxy, toxic);
      return changed;
    });
  }
  removeToxic(name: string, toxicName: string): Promise<void> {
    return this.#inTurn(async () => {
      const proxy = this.#proxy(name);
      await this.#forget(proxy, this.#toxic(proxy, toxicName));
    });
  }

  /** Enables every proxy and removes every toxic. */
  reset(): Promise<void> {
    return this.#inTurn(async () => {
      for (const proxy of this.#proxies.values()) {
        for (const toxic of [...proxy.toxics]) await this.#forget(proxy, toxic);
        await this.#enable(proxy);
      }
    });
  }
  /** Removes every proxy. */
  clear(): Promise<void> {
    return this.#inTurn(async () => {
      for (const proxy of [...this.#proxies.values()]) await this.#remove(proxy);
    });
  }

  async #add(asked: Asked): Promise<Proxy> {
    const { routes } = await this.#client.query('status', {});
    if (routes.some(({ name }) => name === routeNameOf(asked.name))) throw new ToxiproxyError(`proxy already exists: ${ENGINE_ONLY}`, 409);
    const proxy: Proxy = { name: asked.name, listen: asked.listen, upstream: asked.upstream, open: false, toxics: [] };
    if (asked.enabled) await this.#enable(proxy);
    this.#proxies.set(proxy.name, proxy);
    return proxy;
  }
  async #enable(proxy: Proxy): Promise<void> {
    const { down } = proxy;
    proxy.down = undefined;
    if (down !== undefined && !(await this.#stop(down))) {
      // The port is somebody else's now, which opening the route anew will say. Without the route the rest can be undone.
      await this.#close(proxy);
      await this.#client.command('recover', { closeRoutes: false });
    }
    if (proxy.open) return;
    const [opened] = await this.#client.command('openRoutes', { routes: [routeOf(proxy)] });
    proxy.listen = opened?.listen ?? proxy.listen;
    proxy.open = true;
    for (const toxic of proxy.toxics) await this.#inject(proxy, toxic);
  }
  async #disable(proxy: Proxy): Promise<void> {
    if (!proxy.open || proxy.down !== undefined) return;
    const down = await this.#apply(proxy, 'down', { toxic: 'down' });
    proxy.down = down;
    void down.over.then(() => (proxy.down = proxy.down === down ? undefined : proxy.down));
  }
  /** Its toxics stay, for when it is opened again. */
  async #close(proxy: Proxy): Promise<void> {
    const toxics = [...proxy.toxics];
    for (const toxic of toxics) await this.#end(toxic);
    proxy.toxics.splice(0, Infinity, ...toxics);
    if (proxy.down !== undefined) await this.#stop(proxy.down);
    proxy.down = undefined;
    if (proxy.open) await this.#client.command('closeRoutes', { names: [routeNameOf(proxy.name)] });
    proxy.open = false;
  }
  async #remove(proxy: Proxy): Promise<void> {
    await this.#close(proxy);
    this.#proxies.delete(proxy.name);
  }

  async #inject(proxy: Proxy, toxic: Toxic): Promise<void> {
    const fields = policyOf(toxic.shown);
    if (fields === undefined) return;
    const fault = await this.#apply(proxy, toxic.shown.name, fields);
    toxic.fault = fault;
    // HALT, its time, or a hand in the room ended it: what is not in force is not shown.
    void fault.over.then(() => {
      if (toxic.fault !== fault) return;
      toxic.fault = undefined;
      drop(proxy.toxics, toxic);
    });
  }
  async #forget(proxy: Proxy, toxic: Toxic): Promise<void> {
    await this.#end(toxic);
    drop(proxy.toxics, toxic);
  }
  async #end(toxic: Toxic): Promise<void> {
    const { fault } = toxic;
    toxic.fault = undefined;
    if (fault !== undefined) await this.#stop(fault);
  }

  async #apply(proxy: Proxy, name: string, fields: Readonly<Record<string, unknown>>): Promise<InForce> {
    const policy = { name: `${proxy.name}/${name}`.slice(0, 200), type: 'tcp', route: routeNameOf(proxy.name), ...fields };
    // JSON is YAML.
    const text = JSON.stringify({ version: 1, name: `Toxiproxy ${proxy.name}`.slice(0, 200), policies: [policy] });
    const { run } = await this.#client.command('apply', { text, file: 'toxiproxy', ttlMs: this.#ttlMs, routes: [routeOf(proxy)], keep: false });
    return { run, over: this.#client.query('released', { run }).then(({ reverted }) => reverted, () => false) };
  }
  /** Resolves when it is over, with whether it was undone. */
  async #stop({ run, over }: InForce): Promise<boolean> {
    await this.#client.command('abort', { run, why: 'removed over the Toxiproxy API' });
    return over;
  }

  #proxy(name: string): Proxy {
    const found = this.#proxies.get(name);
    if (found === undefined) throw notFound('proxy');
    return found;
  }
  #toxic(proxy: Proxy, name: string): Toxic {
    const found = proxy.toxics.find(({ shown }) => shown.name === name);
    if (found === undefined) throw notFound('toxic');
    return found;
  }
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn;
    return turn;
  }
}

function askedOf(given: Readonly<Record<string, unknown>>, before: Asked): Asked {
  return {
    name: fieldOf(given, 'name', 'string', before.name),
    listen: fieldOf(given, 'listen', 'string', before.listen),
    upstream: fieldOf(given, 'upstream', 'string', before.upstream),
    enabled: fieldOf(given, 'enabled', 'boolean', before.enabled),
  };
}

/** Upstream toxics first, each stream in the order of adding. */
function shownOf({ name, listen, upstream, open, down, toxics }: Proxy): ProxyShown {
  const shown = toxics.map((toxic) => toxic.shown);
  const of = (stream: string): ToxicShown[] => shown.filter((toxic) => toxic.stream.toLowerCase() === stream);
  return { name, listen, upstream, enabled: open && down === undefined, toxics: [...of('upstream'), ...of('downstream')] };
}

function drop(toxics: Toxic[], toxic: Toxic): void {
  const at = toxics.indexOf(toxic);
  if (at >= 0) toxics.splice(at, 1);
}
