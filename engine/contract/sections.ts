import { z } from 'zod';
import { millis } from '../kernel/brands.ts';
import { DAY, durationText, type FieldMeta, flag, HOUR } from '../kernel/fields.ts';
import { protocol } from './models.ts';

export { snake } from '../kernel/fields.ts';
export { formatDuration, parseDuration } from '../kernel/durations.ts';
export { FIGURES, httpProbeSpec, prometheusProbeSpec } from '../kernel/probe.ts';

/**
 * The sections of a Firebreak file, field by field: what the loader reads and what the room makes its forms of. What a
 * policy of a type may say beyond `policyShape` is in the manifest of that type.
 */

const help = (text: string, example: string | number | boolean, form?: FieldMeta['form']) =>
  ({ help: text, example, ...(form !== undefined && { form }) }) satisfies FieldMeta;
const words = (message: string) => z.string({ error: message }).min(1, message);

/** A name that can stand in a URL, a metric label and a file name. */
const nameOf = (what: string) =>
  z
    .string({ error: `expected ${what}` })
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, `expected ${what}: 1-63 letters, digits, dots, dashes or underscores`);

export const headShape = {
  version: z.literal(1, { error: 'expected 1' }).meta(help('The version of the format.', 1)),
  name: z
    .string({ error: 'expected text' })
    .max(200, 'expected at most 200 characters')
    .default('')
    .meta(help('What the experiment is called.', 'checkout-survives-slow-payments')),
  seed: z
    .int({ error: 'expected a whole number from 0 to 2147483647' })
    .min(0, 'expected a whole number from 0 to 2147483647')
    .max(2 ** 31 - 1, 'expected a whole number from 0 to 2147483647')
    .optional()
    .meta(help('The same seed gives the same faults.', 42)),
  warmupDuration: durationText(0, DAY).default(millis(0)).meta(help('No fault fires before it has passed.', '10s')),
  // The format's own reader takes an absent field for false; here protection is on unless a file turns it off.
  enableDefaultIgnored: flag('Protects the built-in ignore lists.', true),
};

const port = (least: number) => {
  const expected = `expected host:port with a port from ${least} to 65535`;
  return z.string({ error: expected }).refine((address) => {
    const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?):(\d{1,5})$/.exec(address);
    return match !== null && Number(match[3]) >= least && Number(match[3]) <= 65_535;
  }, expected);
};

const NAME = 'expected a server name such as api.example or *.shop.example';
/** What a TLS client can ask for (RFC 6066, 3: a host name), or `*.` and an ending. */
const serverName = z.string().regex(/^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/, NAME);

const path = (what: string, example: string) =>
  z.string({ error: 'expected text' }).max(4_096, 'expected at most 4096 characters').default('').meta(help(what, example));

export const routeShape = {
  name: nameOf('a name').meta(help('What policies and URLs call the route.', 'payments')),
  protocol: protocol.meta(help('What flows through the route.', 'http')),
  listen: port(0).meta(help('Where the application is pointed at; port 0 takes a free one.', '"127.0.0.1:7101"')),
  upstream: port(1).meta(help('Where the traffic goes on to.', '"127.0.0.1:7201"')),
  terminateTls: flag('Answer clients with a certificate of this machine’s own authority (firebreak ca), and look inside.'),
  certificateNames: z
    .array(words('expected a name'), { error: 'expected a list of names' })
    .default([])
    .meta(help('Names on that certificate besides localhost.', '[ "api.example" ]')),
  upstreamTls: flag('Speak TLS to the upstream; its certificate is verified.'),
  upstreamCa: path('The authorities to verify it with, as a PEM file; empty means those of the system.', 'certs/ca.pem'),
  upstreamCertificate: path('The certificate to show the upstream, as a PEM file.', 'certs/client.pem'),
  upstreamKey: path('The key of that certificate, as a PEM file.', 'certs/client.key'),
  upstreamName: path('The name that the upstream’s certificate must have; empty means its host.', 'api.example'),
  upstreamsByName: z
    .record(serverName, port(1), {
      error: ({ code }) => (code === 'invalid_key' ? `${NAME} as the key` : 'expected a mapping of server names to addresses'),
    })
    .default({})
    .meta(
      help(
        'Where TLS goes that passes unopened, by the server name that clients ask for; the rest goes to upstream.',
        '{ api.example: "10.0.0.5:443", "*.shop.example": "10.0.0.6:443" }',
      ),
    ),
  refuseOtherNames: flag('Refuse TLS clients that ask for another name, or none, instead of sending them to upstream.'),
};

export const experimentShape = {
  hypothesis: words('expected a sentence').meta(
    help('What you believe will hold.', 'Checkout keeps 95 % success while payments answer late.', 'lines'),
  ),
  blastRadius: z
    .int({ error: 'expected a whole number from 1 to 5' })
    .min(1, 'expected a whole number from 1 to 5')
    .max(5, 'expected a whole number from 1 to 5')
    .transform((level) => level as 1 | 2 | 3 | 4 | 5)
    .default(1)
    .meta(help('How far the damage may reach: 1 (one process) to 5 (a region).', 2)),
  duration: durationText(1, 7 * DAY).meta(help('How long the faults are held.', '10m')),
  baseline: durationText(0, DAY).default(millis(10_000)).meta(help('How long to measure before injecting.', '10s')),
  recovery: durationText(0, DAY)
    .default(millis(30_000))
    .meta(help('How long to wait at most for the steady state to return.', '30s')),
};

export const checkShape = {
  name: words('expected a name').meta(help('What is measured.', 'checkout')),
  expect: words('expected a condition').meta(
    help('When the steady state holds, in CEL.', 'success_rate >= 0.99 && p99 < 800', 'condition'),
  ),
};

export const abortShape = {
  when: words('expected a condition').meta(help('When to abort, in CEL.', 'success_rate < 0.95', 'condition')),
  for: durationText(0, HOUR).default(millis(0)).meta(help('How long the condition must hold first.', '3s')),
};

/** What every policy has, whatever its type. */
export const policyShape = {
  name: z
    .string({ error: 'expected text' })
    .max(200, 'expected at most 200 characters')
    .default('')
    .meta(help('What the policy is called.', 'slow-payments')),
  target: z
    .string({ error: 'expected text' })
    .max(4_096, 'expected at most 4096 characters')
    .default('')
    .meta(help('What the fault acts on.', '/charge*')),
  route: z
    .string({ error: 'expected the name of a route' })
    .default('')
    .meta(help('Only traffic of this route.', 'payments')),
};

export const ignoredList = z
  .array(words('expected a text that is not empty'), { error: 'expected a list of prefixes' })
  .default([])
  .meta(help('Commands that are never touched, by prefix.', '[ "SELECT 1" ]'));
