import { type Row, schema } from './schema.ts';

/**
 * The messages that Firebreak takes apart, from the message definitions of Apache Kafka (clients/src/main/resources/common/message).
 * Fields that mean the same have the same name here, whatever Kafka calls them: topics, topic, topicId, partitions, partition.
 */

const TOPIC_ERRORS: readonly Row[] = ['partition int32', 'errorCode int16'];
const BROKER: readonly Row[] = ['id int32', 'host string', 'port int32'];

export const produceRequest = schema(9, [
  'transactionalId string? 3+',
  'acks int16',
  'timeoutMs int32',
  ['topics', '', ['topic string 0-12', 'topicId uuid 13+', ['partitions', '', ['partition int32', 'records bytes?']]]],
]);
export const produceResponse = schema(9, [
  ['topics', '', [
    'topic string 0-12',
    'topicId uuid 13+',
    ['partitions', '', [
      ...TOPIC_ERRORS,
      'baseOffset int64 = -1',
      'logAppendTimeMs int64 2+ = -1',
      'logStartOffset int64 5+ = -1',
      ['recordErrors', '8+', ['batchIndex int32', 'message string?']],
      'errorMessage string? 8+',
    ]],
  ]],
  'throttleTimeMs int32 1+',
]);

export const fetchResponse = schema(12, [
  'throttleTimeMs int32 1+',
  'errorCode int16 7+',
  'sessionId int32 7+',
  ['topics', '', [
    'topic string 0-12',
    'topicId uuid 13+',
    ['partitions', '', [
      ...TOPIC_ERRORS,
      'highWatermark int64 = -1',
      'lastStableOffset int64 4+ = -1',
      'logStartOffset int64 5+ = -1',
      ['abortedTransactions', '4+', ['producerId int64', 'firstOffset int64']],
      'preferredReadReplica int32 11+ = -1',
      'records bytes',
    ]],
  ]],
]);

export const listOffsetsResponse = schema(6, [
  'throttleTimeMs int32 2+',
  ['topics', '', [
    'topic string',
    ['partitions', '', [
      ...TOPIC_ERRORS,
      ['oldOffsets', '0', ['offset int64']],
      'timestamp int64 1+ = -1',
      'offset int64 1+ = -1',
      'leaderEpoch int32 4+ = -1',
    ]],
  ]],
]);

export const metadataResponse = schema(9, [
  'throttleTimeMs int32 3+',
  ['brokers', '', [...BROKER, 'rack string? 1+']],
  'clusterId string? 2+',
  'controllerId int32 1+ = -1',
  ['topics', '', [
    'errorCode int16',
    'topic string',
    'topicId uuid 10+',
    'isInternal bool 1+',
    ['partitions', '', [
      'errorCode int16',
      'partition int32',
      'leaderId int32',
      'leaderEpoch int32 7+ = -1',
      'replicas int32s',
      'isr int32s',
      'offline int32s 5+',
    ]],
    'authorizedOperations int32 8+ = -2147483648',
  ]],
  'authorizedOperations int32 8-10 = -2147483648',
  'errorCode int16 13+',
]);

export const describeClusterResponse = schema(0, [
  'throttleTimeMs int32',
  'errorCode int16',
  'errorMessage string?',
  'endpointType int8 1+ = 1',
  'clusterId string',
  'controllerId int32 = -1',
  ['brokers', '', [...BROKER, 'rack string?', 'isFenced bool 2+']],
  'authorizedOperations int32 = -2147483648',
]);

export const findCoordinatorResponse = schema(3, [
  'throttleTimeMs int32 1+',
  'errorCode int16 0-3',
  'errorMessage string? 1-3',
  'id int32 0-3 = -1',
  'host string 0-3',
  'port int32 0-3 = -1',
  ['brokers', '4+', ['key string', 'id int32 = -1', 'host string', 'port int32 = -1', 'errorCode int16', 'errorMessage string?']],
]);

export const offsetCommitRequest = schema(8, [
  'group string',
  'generationId int32 1+ = -1',
  'memberId string 1+',
  'groupInstanceId string? 7+',
  'retentionTimeMs int64 2-4 = -1',
  ['topics', '', [
    'topic string 0-9',
    'topicId uuid 10+',
    ['partitions', '', [
      'partition int32',
      'offset int64',
      'leaderEpoch int32 6+ = -1',
      'timestamp int64 1 = -1',
      'metadata string?',
    ]],
  ]],
]);
export const offsetCommitResponse = schema(8, [
  'throttleTimeMs int32 3+',
  ['topics', '', ['topic string 0-9', 'topicId uuid 10+', ['partitions', '', TOPIC_ERRORS]]],
]);

const COMMITTED: readonly Row[] = [
  'partition int32',
  'offset int64 = -1',
  'leaderEpoch int32 5+ = -1',
  'metadata string?',
  'errorCode int16',
];
export const offsetFetchResponse = schema(6, [
  'throttleTimeMs int32 3+',
  ['topics', '0-7', ['topic string', ['partitions', '', COMMITTED]]],
  'errorCode int16 2-7',
  ['groups', '8+', [
    'group string',
    ['topics', '', ['topic string 0-9', 'topicId uuid 10+', ['partitions', '', COMMITTED]]],
    'errorCode int16',
  ]],
]);

export const joinGroupResponse = schema(6, [
  'throttleTimeMs int32 2+',
  'errorCode int16',
  'generationId int32 = -1',
  'protocolType string? 7+',
  'protocolName string',
  'leader string',
  'skipAssignment bool 9+',
  'memberId string',
  ['members', '', ['memberId string', 'groupInstanceId string? 5+', 'metadata bytes']],
]);
export const syncGroupResponse = schema(4, [
  'throttleTimeMs int32 1+',
  'errorCode int16',
  'protocolType string? 5+',
  'protocolName string? 5+',
  'assignment bytes',
]);
export const heartbeatResponse = schema(4, ['throttleTimeMs int32 1+', 'errorCode int16']);
export const leaveGroupResponse = schema(4, [
  'throttleTimeMs int32 1+',
  'errorCode int16',
  ['members', '3+', ['memberId string', 'groupInstanceId string?', 'errorCode int16']],
]);
export const initProducerIdResponse = schema(2, [
  'throttleTimeMs int32',
  'errorCode int16',
  'producerId int64 = -1',
  'producerEpoch int16 = -1',
]);
