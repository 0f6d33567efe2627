/** Checkpoint requests: posted to the endpoint, or left to the PowerSync service where that answers none. */
import { malformedResponse, statusError } from "./errors.js";
import { exchange, routeUrl } from "./http.js";
import { type EndpointOptions, endpointOf } from "./options.js";
import { requireToken } from "./token.js";

/** Rejects with an UploadError. */
export type RequestCheckpoint = (
  clientId: string,
  requestId: string,
  signal?: AbortSignal,
) => Promise<string>;

/**
 * How long one checkpoint request may stay unanswered by the PowerSync service. The SDK asks for it again every 10 seconds. A service that does
 * not read the application's checkpoints never answers, and the device would take in nothing any more.
 */
const patienceMs = 60_000;

export function createCheckpointRequests(options: EndpointOptions): RequestCheckpoint {
  const endpoint = endpointOf(options);
  let asked: { readonly id: string; readonly since: number } | undefined;
  let ignored = false;

  /** Whether the service has been seen to read no checkpoints of the application's. */
  function isIgnored(id: string): boolean {
    const now = Date.now();
    if (asked?.id !== id) asked = { id, since: now };
    else if (now - asked.since >= patienceMs) ignored = true;
    return ignored;
  }

  return async (clientId, requestId, abort) => {
    if (isIgnored(`${clientId} ${requestId}`)) return askPowerSync;
    const body = JSON.stringify({ client_id: clientId, checkpoint_request_id: requestId });
    const url = routeUrl(endpoint.url, "/checkpoint-request");
    const post = async (refresh: boolean) =>
      exchange({ ...endpoint, url, abort }, body, await requireToken(options, refresh, abort));
    let response = await post(false);
    if (response.status === 401) response = await post(true);
    if (response.status === 404) return askPowerSync;
    if (response.status !== 200) {
      throw statusError(response.status, undefined, response.retryAfterMs);
    }
    const id = (response.body as { checkpoint_request_id?: unknown } | null)?.checkpoint_request_id;
    if (typeof id !== "string") throw malformedResponse();
    return id;
  };
}

/** The SDK takes null as "this connector has no such method", though its types don't say so. */
const askPowerSync = null as unknown as string;
