/** A mapped row change: what `map` makes of a CrudEntry, `authorize` judges and `persist` writes. */
import type { Operation } from "./crud.js";

export interface Write {
  readonly op: Operation;
  /** The client's table: the key of the rule in `config.tables`. */
  readonly table: string;
  /** The client's row id. */
  readonly id: string;
  /** Values by the source database's column names, without the key. For DELETE empty, or what a soft delete sets. */
  readonly values: Readonly<Record<string, unknown>>;
}

/** What `persist` did. */
export interface WriteOutcome {
  /**
   * `written`: the statement took effect.
   * `missing`: a PATCH or DELETE of a row that does not exist (or is hidden from the caller); nothing was written, and that is success.
   * `unchanged`: a PATCH with no columns.
   */
  readonly effect: "written" | "missing" | "unchanged";
}
