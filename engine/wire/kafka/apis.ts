import type { Schema } from './schema.ts';
import * as tables from './tables.ts';

/** When the messages of an API are judged. */
export type Judged =
  /** Before the broker sees the request, because it changes something there. */
  | 'request'
  /** By its answer, which says of every topic what became of it; the request only reads. */
  | 'answer'
  /** Not at all: setting up a connection, and what Firebreak knows nothing of. */
  | 'never';

export interface Api {
  readonly name: string;
  readonly judged: Judged;
  /** Versions from 0 to this one are understood; a newer one passes. */
  readonly newest: number;
  readonly request?: Schema;
  readonly response?: Schema;
  /** The error when a policy names none. */
  readonly fallback: number;
  /** The version from which on answers name addresses of brokers. */
  readonly addressesSince: number;
}

/** https://kafka.apache.org/protocol.html#protocol_error_codes */
export const ERROR = { leaderNotAvailable: 5, notLeader: 6, coordinatorNotAvailable: 15 } as const;
const NEVER = 32_767;

const api = (name: string, judged: Judged, newest: number, fallback: number, rest: Partial<Api> = {}): Api => ({
  name, judged, newest, fallback, addressesSince: NEVER, ...rest,
});
const { leaderNotAvailable, notLeader, coordinatorNotAvailable } = ERROR;
const group = (name: string, newest: number, response: Schema): Api => api(name, 'request', newest, coordinatorNotAvailable, { response });

export const PRODUCE = 0;
export const FETCH = 1;
export const SASL_HANDSHAKE = 17;

/** By API key, https://kafka.apache.org/protocol.html#protocol_api_keys */
const APIS: Readonly<Record<number, Api>> = {
  // Since version 10 the answers tell clients where a new leader is (KIP-951).
  [PRODUCE]: api('Produce', 'request', 13, notLeader, { request: tables.produceRequest, response: tables.produceResponse, addressesSince: 10 }),
  [FETCH]: api('Fetch', 'answer', 18, notLeader, { response: tables.fetchResponse, addressesSince: 16 }),
  2: api('ListOffsets', 'answer', 11, notLeader, { response: tables.listOffsetsResponse }),
  3: api('Metadata', 'answer', 13, leaderNotAvailable, { response: tables.metadataResponse, addressesSince: 0 }),
  8: api('OffsetCommit', 'request', 10, coordinatorNotAvailable, { request: tables.offsetCommitRequest, response: tables.offsetCommitResponse }),
  9: api('OffsetFetch', 'answer', 10, coordinatorNotAvailable, { response: tables.offsetFetchResponse }),
  10: api('FindCoordinator', 'answer', 6, coordinatorNotAvailable, { response: tables.findCoordinatorResponse, addressesSince: 0 }),
  11: group('JoinGroup', 9, tables.joinGroupResponse),
  12: group('Heartbeat', 4, tables.heartbeatResponse),
  13: group('LeaveGroup', 5, tables.leaveGroupResponse),
  14: group('SyncGroup', 5, tables.syncGroupResponse),
  [SASL_HANDSHAKE]: api('SaslHandshake', 'never', NEVER, 0),
  18: api('ApiVersions', 'never', NEVER, 0),
  22: group('InitProducerId', 5, tables.initProducerIdResponse),
  36: api('SaslAuthenticate', 'never', NEVER, 0),
  60: api('DescribeCluster', 'never', 2, 0, { response: tables.describeClusterResponse, addressesSince: 0 }),
};
const OTHER = api('', 'never', NEVER, 0);

/** What is known of an API; of one that is not in the list: nothing. */
export const apiOf = (key: number): Api => APIS[key] ?? OTHER;

/** Whether requests of this version have a header with tagged fields (version 2 of the header), and answers one of version 1. */
export const isFlexible = ({ response }: Api, version: number): boolean => response !== undefined && version >= response.flexible;
