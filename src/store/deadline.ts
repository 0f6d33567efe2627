/** Work that is waited for so long, and no longer. */

interface Deadline {
  /** @throws what `passed` gave, where the time has passed */
  check(): void;
  /** The work's outcome. Rejects when the time has passed; what the work comes to after that is ignored. */
  bound<T>(work: Promise<T>): Promise<T>;
  /** To be called when nothing is waited for any more. */
  end(): void;
}

/**
 * @param ms `Infinity` for ever
 * @param passed called when the time has passed; gives the error that says so
 */
export function createDeadline(ms: number, passed: () => Error): Deadline {
  let late: { readonly error: Error } | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const end = new Promise<never>((_, reject) => {
    if (ms === Infinity) return;
    timer = setTimeout(() => {
      late = { error: passed() };
      reject(late.error);
    }, ms);
  });
  // Perhaps nobody is waiting just then.
  end.catch(() => undefined);
  return {
    check: () => {
      if (late !== undefined) throw late.error;
    },
    bound: (work) => Promise.race([work, end]),
    end: () => clearTimeout(timer),
  };
}

/** Rejects with an Error that says so where `running` has not settled in that many milliseconds; it goes on by itself. */
export async function within<T>(ms: number, running: Promise<T>): Promise<T> {
  const deadline = createDeadline(ms, () => new Error(`There was no answer within ${ms} ms.`));
  try {
    return await deadline.bound(running);
  } finally {
    deadline.end();
  }
}
