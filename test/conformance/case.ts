/** What a conformance case is that needs a look into the database: data, so that every adapter and every database runs the very same list. */
import { expect } from "vitest";

export type Table = "lists" | "todos" | "things" | "members" | "authors" | "books";
export type Row = Readonly<Record<string, unknown>>;

/** A request. */
export interface Send {
  /** JSON, unless it is text or bytes already. */
  readonly body?: unknown;
  /** Default POST. */
  readonly method?: string;
  /** Default `/api/data`. */
  readonly path?: string;
  /** Whose token; `null` for none. Default alice. */
  readonly as?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Expected {
  readonly status: number;
  /** Compared whole. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
}

export type Step =
  | { readonly send: Send; readonly expect: Expected }
  /** Somebody else changes a row. */
  | {
      readonly change: {
        readonly table: "lists" | "todos" | "things";
        readonly id: string;
        readonly to: Row | null;
      };
    };

export interface Case {
  /** Never given to another case. */
  readonly id: string;
  readonly level: "MUST" | "SHOULD";
  readonly title: string;
  /** The write path's settings. Default: `onFatal: "stop"`. */
  readonly setting?: "skip" | "client-handles" | "small-limits" | "parsed";
  /** Databases that can't be held to it, by the beginning of their name, and why; the case for them is beside it. */
  readonly except?: Readonly<Record<string, string>>;
  /** The databases that it is for, by the beginning of their name. Default: every one. */
  readonly only?: readonly string[];
  readonly given?: Partial<Record<Table, readonly Row[]>>;
  readonly steps: readonly Step[];
  /** The tables afterwards: these rows and no others, compared in these columns. */
  readonly leaves?: Partial<Record<Table, readonly Row[]>> & {
    readonly deadLetters?: readonly Row[];
  };
}

/** @param target the name of a database, as `test/support` has it */
export function isFor({ except = {}, only = [""] }: Case, target: string): boolean {
  const named = (start: string) => target.startsWith(start);
  return !Object.keys(except).some(named) && only.some(named);
}

/** The nth uuid. */
export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}

export const L1 = uuid(1);
export const L2 = uuid(2);
export const T1 = uuid(11);
export const T2 = uuid(12);
export const X1 = uuid(21);
export const X2 = uuid(22);

type Columns = Readonly<Record<string, unknown>>;

export const put = (table: string, id: string, op_data: Columns = {}) => ({
  op: "PUT",
  table,
  id,
  op_data,
});
export const patch = (table: string, id: string, op_data: Columns) => ({
  op: "PATCH",
  table,
  id,
  op_data,
});
export const del = (table: string, id: string) => ({ op: "DELETE", table, id });

/** A transaction whose entries have no ids: at least once. */
export const transaction = (...crud: readonly object[]) => ({ crud });
/** One whose entries count up from `first`. */
export const numbered = (first: number, ...crud: readonly object[]) => ({
  crud: crud.map((entry, index) => ({ op_id: first + index, ...entry })),
});

export const upload = (...transactions: readonly unknown[]) => ({ transactions });
export const from = (client_id: string, ...transactions: readonly unknown[]) => ({
  client_id,
  transactions,
});

export const success = { status: "success" };
export const notAttempted = { status: "not_attempted" };
export const retryable = { status: "retryable_error", message: text() };

export function fatal(error_code: string, operation_index?: number, more: Columns = {}) {
  const where = operation_index === undefined ? {} : { operation_index };
  return {
    status: "fatal_error",
    requires_client_handling: false,
    message: text(),
    failed_operation: { error_code, message: text(), ...where },
    ...more,
  };
}

export const results = (...each: readonly unknown[]): Expected => ({
  status: 200,
  body: { results: each },
});
export const refused = (status: number): Expected => ({ status, body: { message: text() } });

function text(): unknown {
  return expect.stringMatching(/./);
}
