/** Which rows a recorded transaction names, whether or not it can be understood otherwise. */

export interface NamedRow {
  /** The client's name for it. */
  readonly table: string;
  /** The client's row id. */
  readonly id: string;
}

/** Entries of the wire's transactions, in whatever shape they came. */
export function namedRows(payload: unknown): readonly NamedRow[] {
  const { crud, batch } = members(payload);
  const entries = [crud, batch].find((each) => Array.isArray(each)) ?? [];
  const named = new Map<string, NamedRow>();
  for (const entry of entries as readonly unknown[]) {
    const { table, type, id } = members(entry);
    const name = table ?? type;
    if (typeof name !== "string" || typeof id !== "string") continue;
    named.set(JSON.stringify([name, id]), { table: name, id });
  }
  return [...named.values()];
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
