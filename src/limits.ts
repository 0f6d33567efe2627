/** Bounds on what one request may ask. */
export interface Limits {
  /** Of the body, and of the body once decompressed. Beyond it 413. Default 16 MiB. */
  readonly bodyBytes: number;
  /** In one request. Beyond it 400. Default 100. */
  readonly transactions: number;
  /** In one transaction. Beyond it, and the next three, that transaction is INVALID_TRANSACTION. Default 10,000. */
  readonly operations: number;
  /** Levels of nesting in one transaction's values. Default 64. */
  readonly depth: number;
  /** Object keys in one transaction's values. Default 250,000. */
  readonly keys: number;
  /** UTF-16 code units of one text. Default 4 Mi. */
  readonly stringLength: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 16 * 1024 * 1024,
  transactions: 100,
  operations: 10_000,
  depth: 64,
  keys: 250_000,
  stringLength: 4 * 1024 * 1024,
};
