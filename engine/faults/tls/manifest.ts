import { z } from 'zod';
import { formatDuration } from '../../kernel/durations.ts';
import { ALL_PLATFORMS, defineManifest } from '../../kernel/fault.ts';
import { duration, type FieldMeta, flag, HOUR, ratio } from '../../kernel/fields.ts';
import { checkNth, explainChoice, messageFields, sharesOf } from '../../kernel/message-fields.ts';
import { commonRemarks, commonSeverity } from '../../kernel/pastaay.ts';

/** What can be wrong with the certificate that clients are shown. */
const certificate = z
  .enum(['expired', 'not_yet_valid', 'wrong_name', 'unknown_issuer'], {
    error: 'expected expired, not_yet_valid, wrong_name or unknown_issuer',
  })
  .default('expired')
  .meta({ help: 'What is wrong with the certificate that clients are shown.', example: 'expired' } satisfies FieldMeta);

const params = z.strictObject({
  certificate,
  errorChance: ratio('Share of new connections that are shown the wrong certificate.'),
  latencyChance: ratio('Share of new connections whose handshake is delayed.'),
  latencyDuration: duration('How long a delayed handshake waits.', HOUR),
  dropConnection: flag('Reset the connection in the handshake instead of showing a wrong certificate.'),
  ...messageFields("tls.server_name.endsWith('.example')"),
});
export type TlsParams = z.infer<typeof params>;

const FLAW: Readonly<Record<TlsParams['certificate'], string>> = {
  expired: 'a certificate that has expired',
  not_yet_valid: 'a certificate that is not valid yet',
  wrong_name: 'a certificate for another name',
  unknown_issuer: 'a certificate of an issuer that nobody knows',
};
/** What the guard's common weights ask for and a handshake does not have. */
const weighed = (asked: TlsParams) => ({ ...asked, throttleThreshold: 0, ramChunkMB: 0 });

export const tlsManifest = defineManifest({
  type: 'tls',
  layer: 'wire',
  summary: 'Shows new clients a wrong certificate, or delays or resets their TLS handshake.',
  params,
  target: {
    required: true,
    help: 'The server name that the client asks for, or all.',
    example: 'api.example',
  },
  example: { errorChance: 1 },
  noop: (asked) => asked.errorChance === 0 && asked.latencyChance === 0 && !asked.dropConnection,
  severity: (asked) => commonSeverity(weighed(asked)),
  remarks: (asked) => commonRemarks(weighed(asked)),
  explain: (asked, target) => {
    const whom = `new TLS connections${['', 'all', '*'].includes(target.trim().toLowerCase()) ? '' : ` to ${target}`}`;
    const { error, drop, latency } = sharesOf({ ...asked, everyNth: 0 });
    const clauses: string[] = [];
    const of = (share: number, who: string): string => (share === 1 ? `all ${who}` : `${Math.round(share * 1_000) / 10} % of ${who}`);
    if (drop > 0) clauses.push(`${of(drop, whom)} are reset in the handshake`);
    if (error > 0) clauses.push(`${of(error, whom)} are shown ${FLAW[asked.certificate]}`);
    if (latency > 0) {
      clauses.push(`${of(asked.latencyChance, clauses.length > 0 ? 'the others' : whom)} wait ${formatDuration(asked.latencyDuration)} for the handshake`);
    }
    const sentence = clauses.length === 0 ? `${whom} are left as they are` : clauses.join('; ');
    return `${sentence[0]?.toUpperCase()}${sentence.slice(1)}.${explainChoice(asked)}`;
  },
  platforms: ALL_PLATFORMS,
  privileges: [],
  blastRadius: () => 3,
  verifyWithin: 10_000,
  facts: { tls: { server_name: 'string', protocols: 'list<string>' } },
  check: checkNth,
});
