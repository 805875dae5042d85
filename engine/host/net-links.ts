import { z } from 'zod';
import { type NetNamespace, runIn } from './net-namespace.ts';

/** An interface of a namespace. The index stays when the name changes, and goes when the interface goes. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Of its hardware, or what stands for it; '' where it has none. */
  readonly address?: string;
  readonly loopback: boolean;
  readonly up: boolean;
}

const links = z.array(z.object({ ifindex: z.int(), ifname: z.string(), address: z.string().default(''), flags: z.array(z.string()) }));
const routes = z.array(z.object({ dev: z.string().optional() }));

/** Every interface. @throws FirebreakError `command-failed`. */
export async function linksIn(namespace: NetNamespace): Promise<readonly Link[]> {
  return links.parse(JSON.parse(await runIn(namespace, 'ip', ['-j', 'link', 'show']))).map(({ ifindex, ifname, address, flags }) => ({
    index: ifindex, name: ifname, address, loopback: flags.includes('LOOPBACK'), up: flags.includes('UP'),
  }));
}

/** The interfaces of the default routes, IPv4 and IPv6. */
export async function defaultDevices(namespace: NetNamespace): Promise<readonly string[]> {
  const found = await Promise.all(['-4', '-6'].map((family) => runIn(namespace, 'ip', [family, '-j', 'route', 'show', 'default'])));
  return [...new Set(found.flatMap((text) => devicesOf(text)))];
}

/** The interface by which an address is reached; undefined where there is no way. */
export async function deviceTo(namespace: NetNamespace, address: string): Promise<string | undefined> {
  const text = await runIn(namespace, 'ip', ['-j', 'route', 'get', address]).catch(() => '');
  return devicesOf(text)[0];
}

const devicesOf = (text: string): readonly string[] => (text.trim() === '' ? [] : routes.parse(JSON.parse(text)).flatMap(({ dev }) => dev ?? []));
