// Made from openapi.yaml by generate.ts. Change those, never this file.
import type { components } from "./types.js";

type Schemas = components["schemas"];

export interface ValidationError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** `errors` belongs to the latest call: read it at once. */
export interface Validator<T> {
  (data: unknown): data is T;
  readonly errors?: readonly ValidationError[] | null;
}

/** Looks at the envelope alone: `transactions`, if present, holds anything; `crud` and `batch` are anything. */
export declare const validateEnvelope: Validator<
  Pick<Schemas["BatchUpload"], "client_id" | "clientId" | "queue_id" | "queueId"> & {
    readonly transactions?: readonly unknown[] | null;
    readonly crud?: unknown;
    readonly batch?: unknown;
  }
>;
export declare const validateTransaction: Validator<Schemas["Transaction"]>;
export declare const validateDemoBatch: Validator<Schemas["DemoUpload"]>;
export declare const validateCheckpoint: Validator<Schemas["CheckpointBody"]>;
export declare const validateCheckpointRequest: Validator<Schemas["CheckpointRequestBody"]>;
