/** HTTP as every adapter gives it to the core and gets it back: nothing of any framework. */

export interface WriteRequest {
  readonly method: string;
  /** Path and query; an origin in front is allowed and ignored. */
  readonly url: string;
  readonly headers: Headers;
  /**
   * The body, read once: its bytes as sent (still compressed, if it was), or the value that an earlier body parser made of it.
   * An implementation stops reading beyond `maxBytes` and throws `badRequest(413, …)`; the core checks the size again.
   * It also stops, and rejects, when `signal` is aborted: the body has taken too long, and the request is being answered without it.
   */
  body(maxBytes: number, signal?: AbortSignal): Promise<unknown>;
  /** Aborted when the caller has left. */
  readonly signal: AbortSignal;
  /** The framework's own request, typed by each adapter. */
  readonly raw?: unknown;
}

export interface WriteResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Text to send as it is. */
  readonly body: string;
}
