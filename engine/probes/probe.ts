import { type Socket } from 'node:net';
import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError } from '../kernel/errors.ts';
import { type Probe, type ProbeSpec } from '../kernel/probe.ts';
import { type WhereTo } from './exchange.ts';
import { createHttpProbe } from './http.ts';
import { createPrometheusProbe } from './prometheus.ts';

export interface ProbeDeps {
  readonly clock: Clock;
  /** Where a route listens (`host:port`), for URLs of the form `route://NAME/path`. */
  readonly listenOf?: (route: string) => string | undefined;
  /** The route may open and close while the probe runs: one that is not open fails the poll, not the making of the probe. */
  readonly live?: boolean;
  /** Told the connection of each exchange, hence the same one many times. */
  readonly onSocket?: ((socket: Socket) => void) | undefined;
}

/**
 * Makes a probe of a validated spec; nothing is sent before the first poll.
 * @throws FirebreakError `bad-probe-url` or, unless `live`, `unknown-route` (both exit code 2).
 */
export function createProbe(spec: ProbeSpec, deps: ProbeDeps): Probe {
  const where = whereTo(spec.url, deps);
  const options = { clock: deps.clock, onSocket: deps.onSocket, secure: /^\s*https:/i.test(spec.url) };
  switch (spec.type) {
    case 'http':
      return createHttpProbe(spec, where, options);
    case 'prometheus':
      return createPrometheusProbe(spec, where, options);
  }
}

const ROUTE_URL = /^route:\/\/([^/?#]+)(.*)$/;

function whereTo(text: string, { listenOf, live = false }: ProbeDeps): WhereTo {
  const name = ROUTE_URL.exec(text)?.[1];
  if (!live || name === undefined) {
    const url = resolveUrl(text, listenOf);
    return () => url;
  }
  return () => (listenOf?.(name) === undefined ? `the route ${name} is not open` : resolveUrl(text, listenOf));
}

/** Reads a probe's URL; `route://NAME/path` becomes the listening side of that route. */
export function resolveUrl(text: string, listenOf: ProbeDeps['listenOf']): URL {
  const route = ROUTE_URL.exec(text);
  const name = route?.[1];
  if (name !== undefined) {
    const listen = listenOf?.(name);
    if (listen === undefined) {
      throw new FirebreakError('unknown-route', `the probe asks for ${text}, but there is no route ${name}`, {
        hint: 'name a route of the same file, or give an http:// URL',
        exitCode: EXIT.usage,
      });
    }
    // A route that listens everywhere (`:7101`) is asked on this machine.
    return new URL(`http://${listen.replace(/^:/, '127.0.0.1:')}${route?.[2] ?? ''}`);
  }
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new FirebreakError('bad-probe-url', `${text} is no http or https URL`, {
      hint: 'write for example http://127.0.0.1:8080/health or route://NAME/health',
      exitCode: EXIT.usage,
    });
  }
  return url;
}
