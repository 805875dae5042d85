/**
 * What the server calls its errors (MongoDB, src/mongo/base/error_codes.yml): those that an application meets. A code
 * without a name is `Location<code>` there, and so it is here.
 */
const NAMES: Readonly<Record<number, string>> = {
  1: 'InternalError', 2: 'BadValue', 6: 'HostUnreachable', 7: 'HostNotFound', 8: 'UnknownError', 9: 'FailedToParse', 11: 'UserNotFound',
  13: 'Unauthorized', 14: 'TypeMismatch', 18: 'AuthenticationFailed', 20: 'IllegalOperation', 24: 'LockTimeout', 26: 'NamespaceNotFound',
  43: 'CursorNotFound', 46: 'LockBusy', 48: 'NamespaceExists', 50: 'MaxTimeMSExpired', 59: 'CommandNotFound', 61: 'ShardKeyNotFound',
  64: 'WriteConcernFailed', 66: 'ImmutableField', 73: 'InvalidNamespace', 79: 'UnknownReplWriteConcern', 89: 'NetworkTimeout',
  91: 'ShutdownInProgress', 96: 'OperationFailed', 100: 'UnsatisfiableWriteConcern', 112: 'WriteConflict', 117: 'ConflictingOperationInProgress',
  121: 'DocumentValidationFailure', 125: 'CommandFailed', 133: 'FailedToSatisfyReadPreference', 134: 'ReadConcernMajorityNotAvailableYet',
  136: 'CappedPositionLost', 146: 'ExceededMemoryLimit', 150: 'StaleEpoch', 175: 'QueryPlanKilled', 189: 'PrimarySteppedDown',
  202: 'NetworkInterfaceExceededTimeLimit', 225: 'TransactionTooOld', 234: 'RetryChangeStream', 239: 'SnapshotTooOld',
  246: 'SnapshotUnavailable', 251: 'NoSuchTransaction', 256: 'TransactionCommitted', 262: 'ExceededTimeLimit',
  263: 'OperationNotSupportedInTransaction', 267: 'PreparedTransactionInProgress', 290: 'TransactionExceededLifetimeLimitSeconds',
  292: 'QueryExceededMemoryLimitNoDiskUseAllowed', 462: 'IngressRequestRateLimitExceeded', 9001: 'SocketException',
  10107: 'NotWritablePrimary', 10334: 'BSONObjectTooLarge', 11000: 'DuplicateKey', 11600: 'InterruptedAtShutdown', 11601: 'Interrupted',
  11602: 'InterruptedDueToReplStateChange', 13388: 'StaleConfig', 13435: 'NotPrimaryNoSecondaryOk', 13436: 'NotPrimaryOrSecondary',
  14031: 'OutOfDiskSpace',
};

/** What an error is when a policy gives no code. */
export const DEFAULT_CODE = 1;

export const codeNameOf = (code: number): string => NAMES[code] ?? `Location${code}`;

/** Errors after which a write or a read may be tried again (Retryable Writes specification, "RetryableWriteError Labels"). */
const RETRYABLE = new Set([6, 7, 89, 91, 134, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435, 13_436]);
/** Errors that end a transaction without a trace (MongoDB, src/mongo/db/error_labels.cpp: isTransientTransactionError). */
const TRANSIENT = new Set([24, 112, 239, 246, 251, 267]);

/** How far a policy lets drivers try again: as the server would by the code, always, or never. */
export type Retryable = 'as-server' | 'yes' | 'no';

/** The labels that a server puts on an error of this code. */
export function labelsOf(code: number, retryable: Retryable, { inTransaction, numbered }: { inTransaction: boolean; numbered: boolean }): string[] {
  if (retryable === 'no') return [];
  if (inTransaction) return retryable === 'yes' || TRANSIENT.has(code) || RETRYABLE.has(code) ? ['TransientTransactionError'] : [];
  return (retryable === 'yes' || RETRYABLE.has(code)) && numbered ? ['RetryableWriteError'] : [];
}
