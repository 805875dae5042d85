import { type Clock } from '../kernel/clock.ts';
import { EXIT, FirebreakError } from '../kernel/errors.ts';
import { type Probe, type ProbeSpec } from '../kernel/probe.ts';
import { createHttpProbe } from './http.ts';
import { createPrometheusProbe } from './prometheus.ts';

export interface ProbeDeps {
  readonly clock: Clock;
  /** Where a route listens (`host:port`), for URLs of the form `route://NAME/path`. */
  readonly listenOf?: (route: string) => string | undefined;
}

/**
 * Makes a probe of a validated spec; nothing is sent before the first poll.
 * @throws FirebreakError `bad-probe-url` or `unknown-route` (both exit code 2).
 */
export function createProbe(spec: ProbeSpec, deps: ProbeDeps): Probe {
  const url = resolveUrl(spec.url, deps.listenOf);
  switch (spec.type) {
    case 'http':
      return createHttpProbe(spec, url, deps.clock);
    case 'prometheus':
      return createPrometheusProbe(spec, url, deps.clock);
  }
}

/** Reads a probe's URL; `route://NAME/path` becomes the listening side of that route. */
export function resolveUrl(text: string, listenOf: ProbeDeps['listenOf']): URL {
  const route = /^route:\/\/([^/?#]+)(.*)$/.exec(text);
  const name = route?.[1];
  if (name !== undefined) {
    const listen = listenOf?.(name);
    if (listen === undefined) {
      throw new FirebreakError('unknown-route', `the probe asks for ${text}, but there is no route ${name}`, {
        hint: 'name a route of the same file, or give an http:// URL',
        exitCode: EXIT.usage,
      });
    }
    return new URL(`http://${listen}${route?.[2] ?? ''}`);
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
