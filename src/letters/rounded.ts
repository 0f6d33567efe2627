/** Integers that JavaScript numbers could not hold. */

/** Whether a value holds one: whoever parsed it may have rounded it. */
export function holdsRounded(root: unknown): boolean {
  const open: unknown[] = [root];
  const seen = new Set<unknown>();
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "number") {
      if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 1e21)
        return true;
    } else if (typeof value === "object" && value !== null && !seen.has(value)) {
      seen.add(value);
      open.push(...Object.values(value));
    }
  }
  return false;
}
