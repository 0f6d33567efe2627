/** What MongoDB's errors mean, by their codes and labels, and which fields they are about. */
import {
  MongoBulkWriteError,
  MongoError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
} from "mongodb";
import {
  type Blamed,
  Contention,
  InvalidValue,
  type Meaning,
  RowTaken,
} from "../store/failures.js";

/** COMMIT was sent, and its outcome is unknown. The device sends its transaction again, and the ledger then tells whether it was committed. */
export class CommitUnknown extends Error {
  constructor(cause: unknown) {
    super("It is not known whether the transaction has been committed.", { cause });
    this.name = "CommitUnknown";
  }
}

const meanings = new Map<number, Meaning>();
const enter = (meaning: Meaning, ...codes: readonly number[]): void => {
  for (const code of codes) meanings.set(code, meaning);
};
// DuplicateKey, and its older numbers.
enter("UNIQUE_VIOLATION", 11_000, 11_001, 12_582);
// BSONObjectTooLarge; a document that an update would make too large.
enter("INVALID_DATA", 10_334, 17_419, 17_420);
// LockTimeout, WriteConflict, ConflictingOperationInProgress, TransactionTooOld, SnapshotTooOld, SnapshotUnavailable, StaleDbVersion, StaleChunkHistory, NoSuchTransaction,
// PreparedTransactionInProgress, StaleConfig.
enter("contention", 24, 112, 117, 225, 239, 246, 249, 250, 251, 267, 13_388);
// MaxTimeMSExpired, NetworkInterfaceExceededTimeLimit, ExceededTimeLimit, TransactionExceededLifetimeLimitSeconds, Interrupted.
enter("busy", 50, 202, 262, 290, 11_601);
// NamespaceNotFound, NamespaceExists, CommandNotSupportedOnView.
enter("schema", 26, 48, 166);
enter("permission", 13);
// HostUnreachable, HostNotFound, AuthenticationFailed, WriteConcernTimeout, NetworkTimeout, ShutdownInProgress, UnsatisfiableWriteConcern, FailedToSatisfyReadPreference,
// ReadConcernMajorityNotAvailableYet, PrimarySteppedDown, SocketException, NotWritablePrimary, LegacyNotPrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk,
// NotPrimaryOrSecondary, OutOfDiskSpace, CursorNotFound, CursorKilled, AtlasError.
enter(
  "outage",
  6,
  7,
  18,
  64,
  89,
  91,
  100,
  133,
  134,
  189,
  9_001,
  10_107,
  10_058,
  11_600,
  11_602,
  13_435,
  13_436,
  14_031,
  43,
  237,
  8_000,
);

const validationFailed = 121;

/** See `Store.meaning`. */
export function meaning(error: unknown): Meaning {
  if (error instanceof Contention) return "contention";
  if (error instanceof RowTaken) return "UNIQUE_VIOLATION";
  if (error instanceof InvalidValue) return "INVALID_DATA";
  if (error instanceof CommitUnknown || isDisconnection(error)) return "outage";
  if (!(error instanceof MongoServerError)) return "other";
  if (error.code === validationFailed) return violated(error).meaning;
  const known = typeof error.code === "number" ? meanings.get(error.code) : undefined;
  if (known !== undefined) return known;
  return error.hasErrorLabel("TransientTransactionError") ? "contention" : "other";
}

/** The driver's own errors of connections, pools and monitoring. */
function isDisconnection(error: unknown): boolean {
  return (
    error instanceof MongoNetworkError ||
    error instanceof MongoServerSelectionError ||
    error instanceof MongoTopologyClosedError ||
    error instanceof MongoNotConnectedError ||
    // A bulk write wraps the driver's own error; the missing code is the only sign of that.
    (error instanceof MongoBulkWriteError && error.code === undefined) ||
    (error instanceof MongoError &&
      /^Mongo(?:PoolCleared|PoolClosed|WaitQueueTimeout|Client\w*Closed|ExpiredSession)/.test(
        error.name,
      ))
  );
}

/** Whether it is certain that a failed COMMIT has changed nothing. */
export function isUndone(error: unknown): boolean {
  return (
    error instanceof MongoServerError &&
    error.hasErrorLabel("TransientTransactionError") &&
    !error.hasErrorLabel("UnknownTransactionCommitResult") &&
    // The driver may have sent COMMIT before, and that one may have succeeded.
    error.code !== noSuchTransaction
  );
}

const noSuchTransaction = 251;

/** The fields of the violated unique index. */
export function fieldsTaken(error: unknown): readonly string[] {
  if (!(error instanceof MongoServerError) || meaning(error) !== "UNIQUE_VIOLATION") return [];
  const pattern: unknown = error["keyPattern"];
  return typeof pattern === "object" && pattern !== null ? Object.keys(pattern) : [];
}

/** What an error is about, by the names of the documents' fields. */
export function blamed(error: unknown): Blamed {
  if (!(error instanceof MongoServerError)) return { columns: [] };
  if (error.code === validationFailed) return { columns: violated(error).fields };
  const index = /index: (\S+)/.exec(error.message)?.[1];
  return { columns: fieldsTaken(error), ...(index !== undefined && { constraint: index }) };
}

interface Violated {
  readonly meaning: Meaning;
  readonly fields: readonly string[];
}

/** A rule of `$jsonSchema` that is not satisfied, in the form in which the server reports it. */
interface Rule {
  readonly operatorName?: string;
  readonly missingProperties?: readonly string[];
  readonly additionalProperties?: readonly string[];
  readonly propertiesNotSatisfied?: readonly {
    readonly propertyName?: string;
    readonly details?: readonly {
      readonly operatorName?: string;
      readonly consideredType?: string;
    }[];
  }[];
}

/** Interprets a failed validation by the first unsatisfied rule that the server reports. If it reports none, the failure is a CHECK_VIOLATION. */
function violated(error: MongoServerError): Violated {
  const { details } = (error["errInfo"] ?? {}) as {
    readonly details?: { readonly schemaRulesNotSatisfied?: readonly Rule[] };
  };
  for (const rule of details?.schemaRulesNotSatisfied ?? []) {
    if (rule.operatorName === "required")
      return { meaning: "NOT_NULL_VIOLATION", fields: rule.missingProperties ?? [] };
    for (const { propertyName, details: why = [] } of rule.propertiesNotSatisfied ?? []) {
      const fields = propertyName === undefined ? [] : [propertyName];
      const ofType = why.find(({ operatorName = "" }) => /^(?:bsonType|type)$/.test(operatorName));
      if (ofType?.consideredType === "null") return { meaning: "NOT_NULL_VIOLATION", fields };
      return { meaning: ofType === undefined ? "CHECK_VIOLATION" : "INVALID_DATA", fields };
    }
    if (rule.operatorName === "additionalProperties")
      return { meaning: "CHECK_VIOLATION", fields: rule.additionalProperties ?? [] };
  }
  return { meaning: "CHECK_VIOLATION", fields: [] };
}

export const needsReplicaSet =
  "MongoDB runs transactions on a replica set or a sharded cluster, and this server is neither. Remedy: start it with --replSet and run rs.initiate() once; one member is enough.";

/** See `Store.remedy`. */
export function remedy(error: unknown): string | undefined {
  if (!(error instanceof MongoServerError)) return undefined;
  switch (error.code) {
    case 20:
      return /transaction numbers/i.test(error.message) ? needsReplicaSet : undefined;
    case 13:
      return "The database user may not do this. Remedy: grant it the role readWrite on the database.";
    case 18:
      return "The database does not take the user's name or password. Remedy: correct the connection string.";
    case 26:
      return "A collection is missing. Remedy: create it, and run createCollections(database) for the library's own.";
    case 290:
      return "The transaction was longer under way than the server's transactionLifetimeLimitSeconds. Remedy: raise that, or lower transactionMs.";
    default:
      return undefined;
  }
}
