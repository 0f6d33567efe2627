// Made from openapi.yaml by generate.ts. Change those, never this file.
import type { components, operations } from "./types.js";

type Schemas = components["schemas"];

/** An operation of the contract, by its `operationId`. */
export type OperationId = keyof typeof operationRoutes;

/** Where an operation is: its method, what follows the endpoint's path, and the part of the contract that it belongs to. */
export interface OperationRoute {
  readonly method: "POST" | "PUT" | "PATCH" | "DELETE" | "GET";
  readonly path: "" | "/checkpoint" | "/checkpoint-request" | "/limits" | "/openapi.yaml";
  readonly tag: "uploads" | "checkpoints" | "contract";
}

export const operationRoutes = {
  upload: {"method":"POST","path":"","tag":"uploads"},
  putRow: {"method":"PUT","path":"","tag":"uploads"},
  patchRow: {"method":"PATCH","path":"","tag":"uploads"},
  deleteRow: {"method":"DELETE","path":"","tag":"uploads"},
  createCheckpoint: {"method":"PUT","path":"/checkpoint","tag":"checkpoints"},
  requestCheckpoint: {"method":"POST","path":"/checkpoint-request","tag":"checkpoints"},
  getLimits: {"method":"GET","path":"/limits","tag":"contract"},
  getContract: {"method":"GET","path":"/openapi.yaml","tag":"contract"},
} as const satisfies Readonly<Record<keyof operations, OperationRoute>>;

/** What each operation is sent, as JSON. */
export interface OperationBodies {
  readonly upload: Schemas["UploadRequest"];
  readonly putRow: Schemas["RowUpload"];
  readonly patchRow: Schemas["RowUpload"];
  readonly deleteRow: Schemas["RowUpload"];
  readonly createCheckpoint: Schemas["CheckpointBody"];
  readonly requestCheckpoint: Schemas["CheckpointRequestBody"];
  readonly getLimits: undefined;
  readonly getContract: undefined;
}

/** What each operation may be answered. A body is JSON, unless it is text. */
export interface OperationAnswers {
  readonly upload:
    | { readonly status: 200; readonly body: Schemas["UploadResponse"] }
    | { readonly status: 400 | 401 | 403 | 404 | 413 | 415 | 429 | 500 | 503; readonly body: Schemas["Message"] };
  readonly putRow:
    | { readonly status: 200 | 400 | 401 | 403 | 404 | 413 | 415 | 429 | 500 | 503; readonly body: Schemas["Message"] };
  readonly patchRow:
    | { readonly status: 200 | 400 | 401 | 403 | 404 | 413 | 415 | 429 | 500 | 503; readonly body: Schemas["Message"] };
  readonly deleteRow:
    | { readonly status: 200 | 400 | 401 | 403 | 404 | 413 | 415 | 429 | 500 | 503; readonly body: Schemas["Message"] };
  readonly createCheckpoint:
    | { readonly status: 200; readonly body: Schemas["CheckpointResponse"] }
    | { readonly status: 400 | 401 | 403 | 404 | 413 | 415 | 429 | 500 | 503; readonly body: Schemas["Message"] };
  readonly requestCheckpoint:
    | { readonly status: 200; readonly body: Schemas["CheckpointRequestResponse"] }
    | { readonly status: 400 | 401 | 403 | 404 | 413 | 415 | 429 | 500 | 503; readonly body: Schemas["Message"] };
  readonly getLimits:
    | { readonly status: 200; readonly body: Schemas["LimitsResponse"] }
    | { readonly status: 404 | 429 | 500 | 503; readonly body: Schemas["Message"] };
  readonly getContract:
    | { readonly status: 200; readonly body: string }
    | { readonly status: 404 | 429 | 500 | 503; readonly body: Schemas["Message"] };
}

/**
 * Answers every operation. A request comes as the server has it, its body unread: authentication comes before validation. An answer may carry
 * more than the contract's, such as headers.
 */
export interface OperationHandlers<Call, More = unknown> {
  /** Apply transactions from a device's upload queue. */
  readonly upload: (call: Call) => Promise<OperationAnswers["upload"] & More>;
  /** Write one row. */
  readonly putRow: (call: Call) => Promise<OperationAnswers["putRow"] & More>;
  /** Change one row. */
  readonly patchRow: (call: Call) => Promise<OperationAnswers["patchRow"] & More>;
  /** Delete one row. */
  readonly deleteRow: (call: Call) => Promise<OperationAnswers["deleteRow"] & More>;
  /** Make the next write checkpoint of a device. */
  readonly createCheckpoint: (call: Call) => Promise<OperationAnswers["createCheckpoint"] & More>;
  /** Record a checkpoint request of a device. */
  readonly requestCheckpoint: (call: Call) => Promise<OperationAnswers["requestCheckpoint"] & More>;
  /** The contract's version, the server's limits and its features. */
  readonly getLimits: (call: Call) => Promise<OperationAnswers["getLimits"] & More>;
  /** This document. */
  readonly getContract: (call: Call) => Promise<OperationAnswers["getContract"] & More>;
}
