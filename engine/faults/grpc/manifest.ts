import { z } from 'zod';
import { defineManifest } from '../../kernel/fault.ts';
import { commonFields, errorCode, explainMessages, matchHeaders, messageFault } from '../../kernel/pastaay.ts';

const params = z.strictObject({
  ...commonFields,
  // gRPC status codes, https://grpc.github.io/grpc/core/md_doc_statuscodes.html
  errorCode: errorCode('The gRPC status of an injected error; 0 means 14, UNAVAILABLE.', 0, 16, 14),
  matchHeaders,
});

/** Delays, fails or cuts gRPC calls that cross a route: what such a policy may say and what it weighs. */
export const grpcManifest = defineManifest({
  type: 'grpc',
  ...messageFault,
  summary: 'Delays, fails or cuts gRPC calls that cross a route.',
  params,
  target: {
    required: true,
    help: 'A full method such as /pkg.Service/Method, with a trailing * for a whole service, or all.',
    example: '/shop.Orders/Place',
  },
  explain: (params, target) => explainMessages(params, messages(target), `status ${params.errorCode}`),
  blastRadius: 2,
});

const messages = (target: string): string => (target === 'all' ? 'gRPC calls' : `calls of ${target}`);
