/** A bound on waiting, for what can't be told to stop. */

/** Rejects with an Error that says so where `running` has not settled in that many milliseconds; it goes on by itself. */
export async function within<T>(ms: number, running: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`There was no answer within ${ms} ms.`)), ms);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}
