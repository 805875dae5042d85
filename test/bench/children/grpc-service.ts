import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';

/** A service whose messages are bytes that nobody takes apart: so the machine's time goes to the calls, not to protobuf. */
const same = (bytes: Buffer): Buffer => bytes;
const method = (path: string, streams: boolean): MethodDefinition<Buffer, Buffer> => ({
  path, requestStream: streams, responseStream: streams,
  requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same,
});
export const SERVICE = {
  unary: method('/bench.Echo/Unary', false),
  stream: method('/bench.Echo/Stream', true),
} satisfies ServiceDefinition;
