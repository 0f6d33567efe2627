/** Work that is waited for so long, and no longer. */

interface Deadline {
  /** What says so, once the time has passed. */
  readonly late?: Error;
  /** Rejects with it. To be raced with work, whose outcome is ignored once it has lost. */
  readonly passed: Promise<never>;
  /** To be called when nothing is waited for any more. */
  end(): void;
}

/**
 * @param ms `Infinity` for ever
 * @param passed called when the time has passed; gives the error that says so
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
  // Perhaps nobody is waiting just then.
  end.catch(() => undefined);
  return Object.assign(time, {
    passed: end,
    end: () => clearTimeout(timer),
  });
}

/** Rejects with an Error that says so where `running` has not settled in that many milliseconds; it goes on by itself. */
export async function withinMs<T>(ms: number, running: Promise<T>): Promise<T> {
  const deadline = createDeadline(ms, () => new Error(`There was no answer within ${ms} ms.`));
  try {
    return await Promise.race([running, deadline.passed]);
  } finally {
    deadline.end();
  }
}
