/** What the memory store throws where a database would, and what errors mean to it. */
import { Contention, InvalidValue } from "../failures.js";
import type { Meaning } from "../store.js";

/** The store refuses a statement. */
export class MemoryError extends Error {
  readonly meaning: Meaning;

  constructor(meaning: Meaning, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = "MemoryError";
    this.meaning = meaning;
  }
}

export function meaningOf(error: unknown): Meaning {
  if (error instanceof MemoryError) return error.meaning;
  if (error instanceof Contention) return "contention";
  return error instanceof InvalidValue ? "INVALID_DATA" : "other";
}

/** The data is refused, and not the statement. */
export function isRefusedData(error: unknown): boolean {
  const meaning = meaningOf(error);
  return meaning === meaning.toUpperCase();
}
