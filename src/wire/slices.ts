/** Long work in slices, so that the process answers others in between: awaiting a promise alone does not let them in. */

/** Shorter than the 50 ms that one request may take of a turn, since several steps of it can fall into the same turn. */
const sliceMs = 8;

export interface Slices {
  /** Whether the slice has been used up. To be asked between parts that are short themselves. */
  isOver(): boolean;
  /** Resolves when the others have had their turn. */
  next(): Promise<void>;
}

/** The first slice begins at once. */
export function createSlices(): Slices {
  let end = performance.now() + sliceMs;
  return {
    isOver: () => performance.now() >= end,
    next: async () => {
      await new Promise((resolve) => {
        setTimeout(resolve, 0);
      });
      end = performance.now() + sliceMs;
    },
  };
}
