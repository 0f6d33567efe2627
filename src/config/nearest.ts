/** Finds the known name that a misspelled one was probably meant to be. */

/** Completes the refusal of an unknown name: names the most similar known name, or else all known names. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestTo(name, known);
  return nearest === undefined
    ? `The known ones are ${known.join(", ")}.`
    : `Did you mean "${nearest}"?`;
}

/** Returns the most similar known name, or `undefined` if none is similar enough. */
export function nearestTo(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Math.max(2, Math.ceil(name.length / 3)) + 1;
  for (const each of known) {
    const distance = isStartOf(name, each)
      ? 0
      : editDistance(name.toLowerCase(), each.toLowerCase());
    if (distance < least) [nearest, least] = [each, distance];
  }
  return nearest;
}

/** An abbreviation, such as `auth` for `authenticate`, has few letters in common with the name that is meant. */
function isStartOf(name: string, known: string): boolean {
  return name.length > 2 && known.toLowerCase().startsWith(name.toLowerCase());
}

/** The number of letters that are added, removed, changed, or swapped with their neighbor. */
function editDistance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = cell(last, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const exchanged =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? cell(before, j - 2) + 1
          : Infinity;
      row.push(Math.min(cell(last, j) + 1, cell(row, j - 1) + 1, changed, exchanged));
    }
    [before, last] = [last, row];
  }
  return cell(last, b.length);
}

function cell(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
