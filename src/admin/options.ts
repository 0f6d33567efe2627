/** What the admin routes need to know. */
import type { WriteEvent } from "../event.js";
import type { Principal } from "../layer.js";
import type { WriteRequest } from "../request.js";

/**
 * Decides alone who may use the admin routes, for every request. Only `true` lets in; `false` is 403.
 * May throw `unauthenticated()` (401) or `forbidden()` (403); whatever else it throws is 503.
 *
 * It is never the users' authentication: `authenticate` is not asked, and a user's token must not pass here.
 */
export type Guard<Request extends WriteRequest = WriteRequest> = (
  request: Request,
) => boolean | Promise<boolean>;

export interface AdminOptions<P extends Principal, Request extends WriteRequest = WriteRequest> {
  /** Required. */
  readonly guard: Guard<Request>;
  /** Where the routes are. Default `/api/admin/dead-letters`. */
  readonly path?: string;
  /** Whose database a request is about, where `config.database` is a function. Asked behind the guard. */
  readonly principal?: (request: Request) => P | Promise<P>;
  /** Pages of other origins that may call beside those of the host's own. Without CORS: for consoles behind a proxy that changes `Host`. */
  readonly origins?: readonly string[];
  /** Of one request's body. Default 16 MiB. */
  readonly bodyBytes?: number;
  /** Told of every request, and of what was thrown. */
  readonly onEvent?: (event: WriteEvent) => void;
}
