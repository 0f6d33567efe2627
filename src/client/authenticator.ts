/** The half of a connector that downloads need: the token for the PowerSync service, and checkpoint requests. */
import {
  type AuthenticatorOptions,
  type ConnectorOptions,
  type EndpointOptions,
  endpointOf,
} from "./options.js";
import { findToken, hasExpired, readClaims, requireToken } from "./token.js";
import { malformedResponse, statusError } from "./errors.js";
import { exchange, routeUrl } from "./http.js";

/** What `powersyncAuthenticator` returns: an `Authenticator`, as the PowerSync SDKs call it. */
export interface PowerSyncAuthenticator {
  /**
   * Called by PowerSync whenever it needs a token.
   *
   * @throws UploadError SIGNED_OUT, TOKEN_UNAVAILABLE, ABORTED
   */
  resolveCredentials(options?: { readonly abort?: AbortSignal | undefined }): Promise<string>;
  /** Called by PowerSync after its service has refused the token: `getToken` is asked for a new one next time. */
  invalidateCredentials(): void;
  /** Called by PowerSync. Present with the option `checkpointRequests` only; see `PowerSyncWriteConnector`. */
  postCheckpointRequest?: RequestCheckpoint;
}

/**
 * The half of `PowerSyncWriteConnector` that downloads need, for SDKs that take a connector in two parts. The other half is `powersyncUploader`.
 *
 * @example
 * const writes = { url: "https://api.example.com/api/data", getToken };
 * await database.connect({
 *   powerSyncEndpoint: "https://instance.powersync.journeyapps.com",
 *   authenticator: powersyncAuthenticator(writes),
 *   upload: powersyncUploader(writes).uploadMutations,
 * });
 */
export function powersyncAuthenticator(options: AuthenticatorOptions): PowerSyncAuthenticator {
  let refused = false;
  return {
    async resolveCredentials({ abort } = {}) {
      const refresh = refused;
      refused = false;
      try {
        const token = await requireToken(options, refresh, abort);
        return !refresh && hasExpired(token) ? await requireToken(options, true, abort) : token;
      } catch (error) {
        refused ||= refresh;
        throw error;
      }
    },
    invalidateCredentials() {
      refused = true;
    },
    // Absent without the option: the SDK warns of a connector that has the method while checkpoint requests are off.
    ...(options.checkpointRequests && { postCheckpointRequest: createCheckpointRequests(options) }),
  };
}

/** What PowerSync's `fetchCredentials` returns. */
export interface Credentials {
  readonly endpoint: string;
  readonly token: string;
  expiresAt?: Date;
}

/**
 * Makes the connector's `fetchCredentials`. PowerSync calls it again after a token was refused, so a token that has expired, or that was
 * given before, is refreshed first.
 */
export function createFetchCredentials(
  options: ConnectorOptions,
): () => Promise<Credentials | null> {
  let last: string | null = null;
  return async () => {
    let token = await findToken(options, false);
    if (token !== null && (token === last || hasExpired(token))) {
      token = await findToken(options, true);
    }
    last = token;
    if (token === null) return null;
    const { subject: _, ...expiry } = readClaims(token);
    return { endpoint: options.powersyncUrl, token, ...expiry };
  };
}

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
