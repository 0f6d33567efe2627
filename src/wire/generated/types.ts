// Made from openapi.yaml by generate.ts. Change those, never this file.
export interface paths {
    readonly "/api/data": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Write one row
         * @description As older clients of PowerSync's demo backends send it: one transaction of one operation, which is the method. It is answered like
         *     `{ "batch": [...] }`: these clients read only the HTTP status, so a retryable failure is 503, and a fatal one is 200 once the server has
         *     recorded it.
         */
        readonly put: operations["putRow"];
        /**
         * Apply transactions from a device's upload queue
         * @description Send one of three shapes; each is answered in its own form. Two of them in one request are 400.
         *
         *     1. `{ "transactions": [...] }`: several transactions in the queue's order. Answered with `{ "results": [...] }`, one for each,
         *        in the same order. **New clients should use this one.**
         *     2. `{ "crud": [...] }`: one transaction. Answered with its bare result.
         *     3. `{ "batch": [...] }`: one transaction, as clients of PowerSync's demo backends send it. They read only the HTTP status, so a
         *        retryable failure is 503, and a fatal one is 200 once the server has recorded it.
         *
         *     Older demo clients send one operation in each request, with `PUT`, `PATCH` or `DELETE`; see these methods.
         *
         *     A transaction is applied completely or not at all. The transactions of one request are applied in order. A
         *     retryable failure ends the batch, and so does a fatal one, unless the server is configured to go on behind it; what was not tried is
         *     `not_attempted`. A transaction that can't be understood is answered `fatal_error` with `INVALID_TRANSACTION`; only an envelope that
         *     can't be read is 400.
         *
         *     The body may be compressed with `Content-Encoding: gzip` or `deflate`. Integers are read exactly, whatever their size.
         */
        readonly post: operations["upload"];
        /**
         * Delete one row
         * @description As older clients of PowerSync's demo backends send it: one transaction of one operation, which is the method. It is answered like
         *     `{ "batch": [...] }`: these clients read only the HTTP status, so a retryable failure is 503, and a fatal one is 200 once the server has
         *     recorded it.
         */
        readonly delete: operations["deleteRow"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Change one row
         * @description As older clients of PowerSync's demo backends send it: one transaction of one operation, which is the method. It is answered like
         *     `{ "batch": [...] }`: these clients read only the HTTP status, so a retryable failure is 503, and a fatal one is 200 once the server has
         *     recorded it.
         */
        readonly patch: operations["patchRow"];
        readonly trace?: never;
    };
    readonly "/api/data/checkpoint": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Make the next write checkpoint of a device
         * @description For custom write checkpoints, after the device's writes have been answered. The number belongs to the caller and the device, and is higher
         *     with each answer. Available only if `features` has `checkpoints`.
         */
        readonly put: operations["createCheckpoint"];
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/data/checkpoint-request": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Record a checkpoint request of a device
         * @description For clients that number their checkpoint requests themselves. The greatest number of the caller's device is kept, so sending one
         *     again, or an older one, changes nothing. Available only if `features` has `checkpoints`.
         */
        readonly post: operations["requestCheckpoint"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/data/limits": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * The contract's version, the server's limits and its features
         * @description For clients that adapt their batches to the server, and use only its features.
         */
        readonly get: operations["getLimits"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/data/openapi.yaml": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** This document */
        readonly get: operations["getContract"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description The device's client id, from the PowerSync SDK (`getClientId()`). With it, and an `op_id` on every entry, a transaction that
         *     is sent twice is applied once. An empty text counts as absent.
         */
        readonly ClientId: string | null;
        /** @description For a device that keeps several upload queues under one client id. An empty text counts as absent. */
        readonly QueueId: string | null;
        /** @description An integer that every JSON parser represents exactly. */
        readonly SafeInteger: number;
        readonly OptionalInteger: number | null;
        /**
         * @description How often the application has decided to keep the transaction after `requires_client_handling`: 0 at first, and stored on the device before
         *     the transaction is sent again. An answer that leaves the decision to the client is saved with it: a copy with the same number or a lower
         *     one gets that answer and writes nothing, one with a higher number is tried. `success`, and what was recorded, is final regardless of the
         *     number. Without this member, no such answer is saved, and a late copy may overwrite what has been written since.
         */
        readonly Handling: number | null;
        /** @description Values by column. Integers may have 64 bits or more. A binary value is base64 text; a JSON value may be text or JSON. */
        readonly Values: {
            readonly [key: string]: unknown;
        } | null;
        readonly UploadRequest: components["schemas"]["BatchUpload"] | components["schemas"]["SingleUpload"] | components["schemas"]["DemoUpload"];
        /** @description Several transactions, in the order of the device's queue. */
        readonly BatchUpload: {
            readonly client_id?: components["schemas"]["ClientId"];
            readonly clientId?: components["schemas"]["ClientId"];
            readonly queue_id?: components["schemas"]["QueueId"];
            readonly queueId?: components["schemas"]["QueueId"];
            /** @description At least one; at most the server's limit, 100 by default. */
            readonly transactions: readonly components["schemas"]["Transaction"][];
        };
        /** @description One transaction with its sender. */
        readonly SingleUpload: {
            readonly client_id?: components["schemas"]["ClientId"];
            readonly clientId?: components["schemas"]["ClientId"];
            readonly queue_id?: components["schemas"]["QueueId"];
            readonly queueId?: components["schemas"]["QueueId"];
            readonly transaction_id?: components["schemas"]["OptionalInteger"];
            readonly transactionId?: components["schemas"]["OptionalInteger"];
            readonly tx_id?: components["schemas"]["OptionalInteger"];
            readonly handling?: components["schemas"]["Handling"];
            readonly crud: readonly components["schemas"]["CrudEntry"][];
        };
        /** @description One transaction, as clients of PowerSync's demo backends send it. Without `client_id` and `op_id`, it may be applied twice if it is sent twice. */
        readonly DemoUpload: {
            readonly client_id?: components["schemas"]["ClientId"];
            readonly clientId?: components["schemas"]["ClientId"];
            readonly queue_id?: components["schemas"]["QueueId"];
            readonly queueId?: components["schemas"]["QueueId"];
            readonly transaction_id?: components["schemas"]["OptionalInteger"];
            readonly transactionId?: components["schemas"]["OptionalInteger"];
            readonly tx_id?: components["schemas"]["OptionalInteger"];
            readonly batch: readonly components["schemas"]["CrudEntry"][];
        };
        /** @description The operations of one local transaction, applied together or not at all. A transaction without operations succeeds. */
        readonly Transaction: {
            /** @description The local transaction's id. If it is missing, the entries' id is used, if all of them have the same. */
            readonly transaction_id?: components["schemas"]["OptionalInteger"];
            /** @description Another name for `transaction_id`. */
            readonly transactionId?: components["schemas"]["OptionalInteger"];
            /** @description Another name for `transaction_id`. */
            readonly tx_id?: components["schemas"]["OptionalInteger"];
            readonly handling?: components["schemas"]["Handling"];
            /** @description In the order in which the device made them; at most the server's limit, 10,000 by default. */
            readonly crud: readonly components["schemas"]["CrudEntry"][];
        };
        /**
         * @description One operation on one row. A `PUT` or `PATCH` has its columns under one of the names of `op_data`, and be it `{}`: one that carries no
         *     data is `INVALID_TRANSACTION`.
         */
        readonly CrudEntry: {
            /**
             * @description `PUT` writes the whole row, `PATCH` changes the named columns of a row that exists, `DELETE` removes it. A `PATCH` or `DELETE` of a
             *     row that does not exist succeeds and writes nothing.
             * @enum {string}
             */
            readonly op: "PUT" | "PATCH" | "DELETE";
            /** @description The table's name in the client's schema. This or `type` is required. */
            readonly table?: string | null;
            /** @description Another name for `table`. */
            readonly type?: string | null;
            /** @description The row's id. */
            readonly id: string;
            /** @description The entry's id in the device's upload queue. */
            readonly op_id?: components["schemas"]["OptionalInteger"];
            /** @description Another name for `op_id`. */
            readonly opId?: components["schemas"]["OptionalInteger"];
            /** @description Another name for `op_id`, and the SDK's own. The device's client id belongs on the envelope. */
            readonly clientId?: components["schemas"]["OptionalInteger"];
            /** @description The id of the local transaction that the entry belongs to. */
            readonly transaction_id?: components["schemas"]["OptionalInteger"];
            /** @description Another name for `transaction_id`. */
            readonly transactionId?: components["schemas"]["OptionalInteger"];
            /** @description Another name for `transaction_id`. */
            readonly tx_id?: components["schemas"]["OptionalInteger"];
            /**
             * @description `PUT`: every column that is not NULL. `PATCH`: the changed columns, NULLs included. `DELETE`: absent.
             *
             *     A named mutation is a `PUT` into the table `powersync_mutations` with `name`, the mutator's, and `args`, its arguments as JSON text. The other entries of its transaction are what the device shows meanwhile; the server does not apply them, unless the mutator says so.
             */
            readonly op_data?: components["schemas"]["Values"];
            /** @description Another name for `op_data`. */
            readonly opData?: components["schemas"]["Values"];
            /** @description Another name for `op_data`. */
            readonly data?: components["schemas"]["Values"];
            /** @description The row before the change, if the client's schema tracks it. */
            readonly previous_values?: components["schemas"]["Values"];
            /** @description Another name for `previous_values`. */
            readonly previousValues?: components["schemas"]["Values"];
            /** @description Another name for `previous_values`. */
            readonly old?: components["schemas"]["Values"];
            /** @description The text that the application put in `_metadata`, if the client's schema tracks it. */
            readonly metadata?: string | null;
        };
        /**
         * @description One operation; the request's method is its kind. Its members are those of an entry and of an envelope; the row's id is `id`, or
         *     else the data's own. Where `clientId` is text it is the device's, and a number is the operation's.
         */
        readonly RowUpload: {
            readonly client_id?: components["schemas"]["ClientId"];
            readonly queue_id?: components["schemas"]["QueueId"];
            /** @description The table's name in the client's schema. */
            readonly table?: string;
            /** @description The row's `id`, and its columns as in `op_data`. */
            readonly data?: {
                readonly [key: string]: unknown;
            };
        };
        /** @description `BatchResponse` to `transactions`, `TransactionResult` to `crud`, `Message` to `batch`. */
        readonly UploadResponse: components["schemas"]["BatchResponse"] | components["schemas"]["TransactionResult"] | components["schemas"]["Message"];
        readonly BatchResponse: {
            /** @description One for each transaction, in the request's order. */
            readonly results: readonly components["schemas"]["TransactionResult"][];
        };
        /** @description The result of one transaction. */
        readonly TransactionResult: components["schemas"]["SuccessResult"] | components["schemas"]["RetryableResult"] | components["schemas"]["FatalResult"] | components["schemas"]["NotAttemptedResult"];
        /** @description The transaction has been applied, now or when it was sent before. Remove it from the queue. */
        readonly SuccessResult: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly status: "success";
        };
        /** @description As far as the server knows, nothing has been applied. Keep the transaction, wait, and send it again. */
        readonly RetryableResult: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly status: "retryable_error";
            /** @description For people. */
            readonly message?: string;
            /** @description Milliseconds to wait. If it is missing, the client chooses. */
            readonly retry_after_ms?: number;
        };
        /**
         * @description Nothing of it has been applied, and sending it again can't help. Unless `requires_client_handling` is true, the server has recorded it
         *     as a dead letter and the client removes it from its queue.
         */
        readonly FatalResult: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly status: "fatal_error";
            /**
             * @description True where the server has recorded nothing and leaves the decision to the client. It ends the batch. To a transaction that came with
             *     `handling` the answer is final until it comes with a higher one.
             */
            readonly requires_client_handling: boolean;
            /** @description For people. */
            readonly message?: string;
            readonly failed_operation: components["schemas"]["FailedOperation"];
        };
        /** @description An earlier transaction ended the batch. Keep it and send it again. */
        readonly NotAttemptedResult: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            readonly status: "not_attempted";
        };
        /** @description Which operation failed, and why. */
        readonly FailedOperation: {
            readonly error_code: components["schemas"]["ErrorCode"];
            /** @description For people. Never the database's own text. */
            readonly message?: string;
            /** @description For a failure about a value, an object with `column`, the client's name for the column, and `columns` if there are several. Otherwise any JSON value that the application adds. */
            readonly details?: unknown;
            /** @description The operation's index in `crud` (or `batch`), from 0. Missing if the failure belongs to no single operation. */
            readonly operation_index?: number;
        };
        /** @description One of the library's codes, or one of the application's own. */
        readonly ErrorCode: components["schemas"]["LibraryErrorCode"] | string;
        /**
         * @description | Code | Meaning |
         *     |---|---|
         *     | `NOT_NULL_VIOLATION` | A required value is missing. |
         *     | `UNIQUE_VIOLATION` | Another row has a value that must be unique. |
         *     | `FOREIGN_KEY_VIOLATION` | A row that this one refers to does not exist, or a row that others refer to can't go. |
         *     | `CHECK_VIOLATION` | A value breaks a rule of the table. |
         *     | `CONSTRAINT_VIOLATION` | Another constraint of the database is broken. |
         *     | `INVALID_DATA` | A value does not fit its column. |
         *     | `SCHEMA_MISMATCH` | The data does not fit the server's schema. |
         *     | `UNAUTHORIZED` | The caller may not write this row. |
         *     | `UNKNOWN_TABLE` | The table can't be written through this endpoint. |
         *     | `UNKNOWN_MUTATOR` | The server has no mutator of this name. |
         *     | `FORBIDDEN_COLUMN` | The column can't be written through this endpoint. |
         *     | `FORBIDDEN_OPERATION` | The table does not take this operation. |
         *     | `INVALID_TRANSACTION` | The transaction can't be understood, or is beyond the server's limits. |
         *     | `RETRIES_EXHAUSTED` | It failed in a passing way, too often. |
         *     | `CONFLICT` | The row has changed in the meantime, and the change can't be merged with that. `details` may have `base`, `theirs` and `yours`, each an object by column. |
         *     | `CONFLICT_BASE_MISSING` | The table merges changes, and this one does not say what it was made on: `previous_values`, or a column that `details` names. |
         *     | `DEPENDS_ON_DEAD_LETTER` | It needs a row that an earlier change would have created, and that change waits as a dead letter. It waits behind it. |
         *     | `UNCLASSIFIED_ERROR` | The application refused it without a code of its own. |
         * @enum {string}
         */
        readonly LibraryErrorCode: "NOT_NULL_VIOLATION" | "UNIQUE_VIOLATION" | "FOREIGN_KEY_VIOLATION" | "CHECK_VIOLATION" | "CONSTRAINT_VIOLATION" | "INVALID_DATA" | "SCHEMA_MISMATCH" | "UNAUTHORIZED" | "UNKNOWN_TABLE" | "UNKNOWN_MUTATOR" | "FORBIDDEN_COLUMN" | "FORBIDDEN_OPERATION" | "INVALID_TRANSACTION" | "RETRIES_EXHAUSTED" | "CONFLICT" | "CONFLICT_BASE_MISSING" | "DEPENDS_ON_DEAD_LETTER" | "UNCLASSIFIED_ERROR";
        readonly CheckpointBody: {
            readonly client_id: components["schemas"]["CheckpointClientId"];
        };
        readonly CheckpointRequestBody: {
            readonly client_id: components["schemas"]["CheckpointClientId"];
            /** @description The client's own number, from 0 to 9223372036854775807, as digits; or as an integer, if every JSON parser represents it exactly. */
            readonly checkpoint_request_id: string | number;
        };
        /** @description The device, by `getClientId()`. */
        readonly CheckpointClientId: string;
        readonly CheckpointResponse: {
            /** @description Digits, for `complete(checkpoint)`. */
            readonly checkpoint: string;
        };
        readonly CheckpointRequestResponse: {
            /** @description Digits. */
            readonly checkpoint_request_id: string;
        };
        readonly LimitsResponse: {
            /** @description The version of this document. The first number changes only when old clients would break. */
            readonly contract_version: string;
            readonly limits: components["schemas"]["Limits"];
            readonly timeouts?: components["schemas"]["Timeouts"];
            /** @description The names of this server's optional features. Ignore names that you do not know. */
            readonly features: readonly string[];
        };
        /** @description How long a request may take. A client should wait for their sum before it gives up. 9007199254740991 means that there is no limit. */
        readonly Timeouts: {
            /** @description After this many milliseconds, no further transaction of the request is begun. */
            readonly request_ms: components["schemas"]["SafeInteger"];
            /** @description One database transaction. A transaction that fails needs a second one, in which it is recorded. */
            readonly transaction_ms: components["schemas"]["SafeInteger"];
        };
        /** @description 9007199254740991 means that there is no limit. */
        readonly Limits: {
            /** @description Bytes of the body, as sent and as decompressed. Beyond it, 413. */
            readonly body_bytes: components["schemas"]["SafeInteger"];
            /** @description Transactions in one request. Beyond it, 400. */
            readonly transactions: components["schemas"]["SafeInteger"];
            /** @description Operations in one transaction. Beyond this and the next four limits, the transaction is `INVALID_TRANSACTION`. */
            readonly operations: components["schemas"]["SafeInteger"];
            /** @description Levels of nesting in one operation's members; `op_data` itself is the first. */
            readonly depth: components["schemas"]["SafeInteger"];
            /** @description Keys of `op_data`, `previous_values` and the objects inside them, in one transaction. */
            readonly keys: components["schemas"]["SafeInteger"];
            /** @description JSON values in one transaction. A body with more than twice as many in all its transactions is answered with 413. */
            readonly values?: components["schemas"]["SafeInteger"];
            /** @description UTF-16 code units of one text. */
            readonly string_length: components["schemas"]["SafeInteger"];
            /** @description One caller's requests in progress at once. Beyond it, 429. */
            readonly concurrent_requests?: components["schemas"]["SafeInteger"];
        };
        readonly Message: {
            /** @description For people. */
            readonly message: string;
        };
    };
    responses: {
        /** @description The envelope can't be read. No transaction was tried; sending the same again gets the same answer. */
        readonly BadRequest: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /** @description There is no valid credential. The device keeps its transactions; get a new token and send them again. */
        readonly Unauthenticated: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly "WWW-Authenticate": components["headers"]["WWWAuthenticate"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /** @description The caller may not use this endpoint at all. A write that the caller may not make is answered as a `fatal_error` instead. */
        readonly Forbidden: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /** @description There is nothing at this method and path. */
        readonly NotFound: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /** @description The body is larger than `body_bytes`, as sent or once decompressed, or holds more than twice `values`. Send fewer transactions at once. */
        readonly TooLarge: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /** @description The `Content-Type` is not JSON in UTF-8, or the `Content-Encoding` is neither `gzip` nor `deflate`. */
        readonly UnsupportedMedia: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /** @description The caller has too many requests in progress, or too many changes that failed and are waiting for review. Nothing was applied. */
        readonly TooManyRequests: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly "Retry-After": components["headers"]["RetryAfter"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /** @description An error of the server. What was tried may or may not have been applied; send it again. */
        readonly Unexpected: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
        /**
         * @description The server, its database or its identity provider can't be reached right now, or is too busy; or the body did not arrive in time;
         *     or, to `{ "batch" }`, `PUT`, `PATCH` and `DELETE`, the transaction failed for a temporary reason. Send it again.
         */
        readonly Unavailable: {
            headers: {
                readonly "x-correlation-id": components["headers"]["CorrelationId"];
                readonly "Retry-After": components["headers"]["RetryAfter"];
                readonly [name: string]: unknown;
            };
            content: {
                readonly "application/json": components["schemas"]["Message"];
            };
        };
    };
    parameters: {
        /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
        readonly CorrelationId: string;
    };
    requestBodies: never;
    headers: {
        /** @description The request's name in the server's log. */
        readonly CorrelationId: string;
        /** @description Seconds to wait before the next attempt. */
        readonly RetryAfter: number;
        /** @description The way to authenticate, `Bearer` by default. */
        readonly WWWAuthenticate: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    readonly putRow: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["RowUpload"];
            };
        };
        readonly responses: {
            /** @description It has been applied, or recorded as a dead letter. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            readonly 400: components["responses"]["BadRequest"];
            readonly 401: components["responses"]["Unauthenticated"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 415: components["responses"]["UnsupportedMedia"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly upload: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["UploadRequest"];
            };
        };
        readonly responses: {
            /** @description Every transaction has a result. A status of 200 does not mean that all of them succeeded: read the results. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["UploadResponse"];
                };
            };
            readonly 400: components["responses"]["BadRequest"];
            readonly 401: components["responses"]["Unauthenticated"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 415: components["responses"]["UnsupportedMedia"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly deleteRow: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["RowUpload"];
            };
        };
        readonly responses: {
            /** @description It has been applied, or recorded as a dead letter. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            readonly 400: components["responses"]["BadRequest"];
            readonly 401: components["responses"]["Unauthenticated"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 415: components["responses"]["UnsupportedMedia"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly patchRow: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["RowUpload"];
            };
        };
        readonly responses: {
            /** @description It has been applied, or recorded as a dead letter. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Message"];
                };
            };
            readonly 400: components["responses"]["BadRequest"];
            readonly 401: components["responses"]["Unauthenticated"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 415: components["responses"]["UnsupportedMedia"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly createCheckpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["CheckpointBody"];
            };
        };
        readonly responses: {
            /** @description The checkpoint is on its way to the device. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["CheckpointResponse"];
                };
            };
            readonly 400: components["responses"]["BadRequest"];
            readonly 401: components["responses"]["Unauthenticated"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 415: components["responses"]["UnsupportedMedia"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly requestCheckpoint: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["CheckpointRequestBody"];
            };
        };
        readonly responses: {
            /** @description The greater of the number that was stored and the one that was sent. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["CheckpointRequestResponse"];
                };
            };
            readonly 400: components["responses"]["BadRequest"];
            readonly 401: components["responses"]["Unauthenticated"];
            readonly 403: components["responses"]["Forbidden"];
            readonly 404: components["responses"]["NotFound"];
            readonly 413: components["responses"]["TooLarge"];
            readonly 415: components["responses"]["UnsupportedMedia"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getLimits: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description What this server accepts. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LimitsResponse"];
                };
            };
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
    readonly getContract: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description A name for this request, used in the answer and in the server's log. If it is missing, the server makes one. */
                readonly "x-correlation-id"?: components["parameters"]["CorrelationId"];
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description This document. */
            readonly 200: {
                headers: {
                    readonly "x-correlation-id": components["headers"]["CorrelationId"];
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/yaml": string;
                };
            };
            readonly 404: components["responses"]["NotFound"];
            readonly 429: components["responses"]["TooManyRequests"];
            readonly 500: components["responses"]["Unexpected"];
            readonly 503: components["responses"]["Unavailable"];
        };
    };
}
