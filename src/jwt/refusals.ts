/**
 * Why a token was refused, for the operator's log: the caller hears no more than that it is not valid. What a token says stands in quotation marks,
 * cut to a length; the token itself never does.
 */
import { errors, type JWTPayload } from "jose";
import type { Expected } from "./options.js";

export const refusals = {
  missing:
    'The request has no Authorization header. Remedy: have the app send "Authorization: Bearer <token>", and each proxy in front pass it on.',
  scheme:
    'The Authorization header holds no bearer token. Remedy: have the app send "Authorization: Bearer <token>", with the token as it was issued.',
  tooLong: "The token is longer than 16,384 characters. Remedy: have its issuer leave out claims.",
  form: "The token is no signed JWT in its compact form, or names extensions (crit). Remedy: have the app send the access token, and no opaque or encrypted one.",
  signature:
    "The signature does not fit the key. Remedy: take the keys (jwksUri, jwks or secret) of the very project, realm or environment that issues the app's tokens.",
  subject:
    "The token has no `sub`, or it is no text. Remedy: have its issuer put the user's id there.",
  lifetime:
    "The token lives longer than `maxLifetime`, or has no `iat`. Remedy: have its issuer give it a shorter life, or raise maxLifetime.",
  accept:
    "`accept` did not return true for its claims. With a ready-made provider: it is a token of another kind, or for another client.",
} as const;

/** No signer has the token's algorithm and issuer. */
export function noSignerFor(
  { alg, iss }: { readonly alg: string; readonly iss: unknown },
  all: readonly Expected[],
): string {
  const withAlgorithm = all.filter(({ algorithms }) => algorithms.includes(alg));
  if (withAlgorithm.length === 0) {
    const taken = new Set(all.flatMap(({ algorithms }) => algorithms));
    return `Its algorithm is ${quoted(alg)}, and ${[...taken].join(", ")} may be. Remedy: ${algorithmRemedy(alg, taken)}.`;
  }
  return issuerRefused(
    iss,
    withAlgorithm.flatMap(({ issuers = [] }) => issuers),
  );
}

function algorithmRemedy(alg: string, taken: ReadonlySet<string>): string {
  if (alg.startsWith("HS"))
    return "the token is signed with a shared secret: give `secret` and `algorithms` in place of public keys; or have the issuer sign with a key pair";
  return [...taken].every((each) => each.startsWith("HS"))
    ? "the token is signed with a private key: give `jwksUri` in place of `secret`"
    : "add it to `algorithms`, where that names them";
}

function issuerRefused(iss: unknown, expected: readonly string[]): string {
  // A slash alone is the usual slip.
  const bare = (url: string) => (url.endsWith("/") ? url.slice(0, -1) : url);
  const near =
    typeof iss === "string" ? expected.find((each) => bare(each) === bare(iss)) : undefined;
  const differs =
    near === undefined
      ? "write the token's own `iss` into `issuer`, if it is the app's identity provider"
      : "they differ by a slash at the end alone: write `issuer` exactly as the token has it";
  return `Its issuer is ${quoted(iss)}, and ${listed(expected)} is expected. Remedy: ${differs}.`;
}

/** What jose has found. */
export function whyRefused(error: errors.JOSEError, expected: Expected): string {
  if (error instanceof errors.JWTExpired) return timeRefused("exp", error.payload);
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, payload } = error;
    switch (claim) {
      case "aud":
        return `Its audience is ${quoted(payload.aud)}, and ${listed(expected.audiences ?? [])} is expected. Remedy: have the issuer put that into \`aud\`, or write the token's own into \`audience\`.`;
      case "iss":
        return issuerRefused(payload.iss, expected.issuers ?? []);
      case "nbf":
        return timeRefused("nbf", payload);
      default:
        return `Its claim ${quoted(claim)} is missing, or is not as it should be. Remedy: have its issuer set it; exp and sub are required.`;
    }
  }
  if (error instanceof errors.JWKSNoMatchingKey)
    return "No key of the set has the token's key id and algorithm. Remedy: take the keys (jwksUri or jwks) of the very project, realm or environment that issues the app's tokens.";
  if (error instanceof errors.JWSSignatureVerificationFailed) return refusals.signature;
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return `Its algorithm may not be. Remedy: name it in \`algorithms\`, of which ${expected.algorithms.join(", ")} may be.`;
  return refusals.form;
}

function timeRefused(claim: "exp" | "nbf", payload: JWTPayload): string {
  const seconds = Math.round(Math.abs(Date.now() / 1_000 - Number(payload[claim])));
  const by = Number.isFinite(seconds) ? ` (${seconds} s)` : "";
  return claim === "exp"
    ? `It has expired${by}. Remedy: have the app fetch a fresh token for each upload; where it has, this server's clock is ahead: set the clock, or a clockTolerance of some seconds.`
    : `It is not valid yet${by}. Remedy: this server's clock is behind the issuer's: set the clock, or a clockTolerance of some seconds.`;
}

const longest = 200;

/** Always inside quotation marks: the log takes lines that differ there alone for one problem. */
function quoted(value: unknown): string {
  if (value === undefined) return '"" (it has none)';
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return JSON.stringify(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

function listed(values: readonly string[]): string {
  return values.map((each) => JSON.stringify(each)).join(" or ");
}
