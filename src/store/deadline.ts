/** Time limits for work that is awaited. */

interface Deadline {
  /** The error, once the time has passed. */
  readonly late?: Error;
  /** Rejects with that error. To be raced with the work, whose outcome is ignored once it has lost. */
  readonly passed: Promise<never>;
  /** Stops the timer. To be called when nothing is awaited any more. */
  end(): void;
}

/**
 * @param ms `Infinity` for no limit
 * @param passed called when the time has passed; returns the error to reject with
 */
export function createDeadline(ms: number, passed: () => Error): Deadline {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const time: { late?: Error } = {};
  const end = new Promise<never>((_, reject) => {
    if (ms === Infinity) return;
    timer = setTimeout(() => {
      time.late = passed();
      reject(time.late);
    }, ms);
  });
  // If nothing awaits it just then, the rejection must not be reported as unhandled.
  end.catch(() => undefined);
  return Object.assign(time, {
    passed: end,
    end: () => clearTimeout(timer),
  });
}

/** Rejects with an Error if `running` has not settled within `ms` milliseconds. The work itself goes on. */
export async function withinMs<T>(ms: number, running: Promise<T>): Promise<T> {
  const deadline = createDeadline(ms, () => new Error(`There was no answer within ${ms} ms.`));
  try {
    return await Promise.race([running, deadline.passed]);
  } finally {
    deadline.end();
  }
}
