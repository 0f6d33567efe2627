/** What an upload waits for, and for no longer than until its caller aborts it. */
import { uploadError, type UploadError } from "./errors.js";

// Some React Native versions have an AbortSignal without `any` and `throwIfAborted`.
/** @throws UploadError ABORTED */
export function throwIfAborted(abort: AbortSignal | undefined): void {
  if (abort?.aborted) throw aborted();
}

function aborted(): UploadError {
  return uploadError("ABORTED", "The upload was aborted.");
}

/**
 * Waits for the work, but only until the signal is aborted. Work that is not ended by the same signal goes on, and its result is not used.
 *
 * @throws UploadError ABORTED, without beginning the work where the signal is aborted already
 */
export function unlessAborted<T>(
  abort: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    throwIfAborted(abort);
    const stop = () => reject(aborted());
    abort?.addEventListener("abort", stop);
    void work()
      .then(resolve, reject)
      .then(() => abort?.removeEventListener("abort", stop));
  });
}

/**
 * Calls a callback of the application's. What it throws becomes the `cause` of an UploadError.
 *
 * @throws UploadError
 */
export function callApplication<T>(
  code: "TOKEN_UNAVAILABLE" | "CALLBACK_FAILED",
  callback: () => T | Promise<T>,
  abort: AbortSignal | undefined,
): Promise<T> {
  return unlessAborted(abort, async () => {
    try {
      return await callback();
    } catch (cause) {
      throw uploadError(code, "A callback failed.", { cause });
    }
  });
}

/** @throws UploadError ABORTED */
export async function wait(ms: number, abort: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await unlessAborted(
      abort,
      () =>
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, ms);
        }),
    );
  } finally {
    clearTimeout(timer);
  }
}
