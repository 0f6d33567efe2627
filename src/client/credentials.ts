/** Tokens: from the application, for PowerSync and for the endpoint. */
import { ask, uploadError } from "./errors.js";
import type { ConnectorOptions } from "./options.js";
import { readToken } from "./token.js";

/** What PowerSync's `fetchCredentials` returns. */
export interface Credentials {
  readonly endpoint: string;
  readonly token: string;
  expiresAt?: Date;
}

async function findToken(options: ConnectorOptions, refresh: boolean): Promise<string | null> {
  // Empty: nobody is signed in.
  return (await ask("TOKEN_UNAVAILABLE", () => options.getToken({ refresh }))) || null;
}

/** @throws UploadError TOKEN_UNAVAILABLE, SIGNED_OUT */
export async function requireToken(options: ConnectorOptions, refresh: boolean): Promise<string> {
  const token = await findToken(options, refresh);
  if (token === null) throw uploadError("SIGNED_OUT", "Nobody is signed in.");
  return token;
}

/** PowerSync asks again when it has been refused: a token that has expired, or that it has had already, is not given twice. */
export function createFetchCredentials(
  options: ConnectorOptions,
): () => Promise<Credentials | null> {
  let last: string | null = null;
  return async () => {
    let token = await findToken(options, false);
    const { expiresAt } = readToken(token ?? "");
    if (token !== null && (token === last || (expiresAt && expiresAt.getTime() < Date.now()))) {
      token = await findToken(options, true);
    }
    last = token;
    if (token === null) return null;
    const { subject: _, ...expiry } = readToken(token);
    return { endpoint: options.powersyncUrl, token, ...expiry };
  };
}
