/**
 * The reasons why a token was refused, for the operator's log. The caller is told only that the token is not valid. What the token says appears in
 * quotation marks and is cut; the token itself never appears.
 */
import { errors, type JWTPayload } from "jose";
import type { Expected } from "./options.js";

export const refusals = {
  missing:
    'The request has no Authorization header. Remedy: have the app send "Authorization: Bearer <token>", and have each proxy pass it on.',
  scheme:
    'The Authorization header does not contain a bearer token. Remedy: have the app send "Authorization: Bearer <token>", with the token as it was issued.',
  tooLong: "The token is longer than 16,384 characters. Remedy: have its issuer leave out claims.",
  form: "The token is not a signed JWT in compact form, or it names extensions (crit). Remedy: have the app send the access token, not an opaque or encrypted one.",
  signature:
    "The signature does not match the key. Remedy: set jwksUri, jwks or secret to the keys of the project, realm or environment that issues the app's tokens.",
  subject:
    "The token has no `sub`, or `sub` is not text. Remedy: have its issuer put the user's id there.",
  lifetime:
    "The token is valid for longer than `maxLifetime`, or it has no `iat`. Remedy: have its issuer shorten the lifetime and set iat, or raise maxLifetime.",
  accept:
    "`accept` did not return true for the claims. With a ready-made provider, it is a token of another kind or for another client. Remedy: have the app send the token that the provider's options describe.",
} as const;

/** The reason if no signer has the token's algorithm and issuer. */
export function noSignerFor(
  { alg, iss }: { readonly alg: string; readonly iss: unknown },
  all: readonly Expected[],
): string {
  const withAlgorithm = all.filter(({ algorithms }) => algorithms.includes(alg));
  if (withAlgorithm.length === 0) {
    const taken = new Set(all.flatMap(({ algorithms }) => algorithms));
    return `Its algorithm is ${quoted(alg)}, which is not one of ${[...taken].join(", ")}. Remedy: ${algorithmRemedy(alg, taken)}.`;
  }
  return issuerRefused(
    iss,
    withAlgorithm.flatMap(({ issuers = [] }) => issuers),
  );
}

function algorithmRemedy(alg: string, taken: ReadonlySet<string>): string {
  if (alg.toLowerCase() === "none")
    return "the token is not signed: have the app send the token that its issuer has signed";
  const isShared = (each: string) => each.startsWith("HS");
  if (isShared(alg) && [...taken].every(isShared))
    return "if your issuer signs with it, write it into `algorithms`, with a `secret` that is long enough for it";
  if (isShared(alg))
    return "the token is signed with a shared secret: give `secret` and `algorithms` instead of public keys, or have the issuer sign with a key pair";
  return [...taken].every(isShared)
    ? "the token is signed with a private key: give `jwksUri` instead of `secret`"
    : "add it to `algorithms`, if your issuer uses it";
}

function issuerRefused(iss: unknown, expected: readonly string[]): string {
  // The usual mistake is a slash too many or too few at the end.
  const bare = (url: string) => (url.endsWith("/") ? url.slice(0, -1) : url);
  const near =
    typeof iss === "string" ? expected.find((each) => bare(each) === bare(iss)) : undefined;
  const differs =
    near === undefined
      ? "write the token's own `iss` into `issuer`, if it is the app's identity provider"
      : "they differ only in the slash at the end: write `issuer` exactly as in the token";
  return `Its issuer is ${quoted(iss)}, but ${listed(expected)} is expected. Remedy: ${differs}.`;
}

/** The reason for an error of jose. */
export function whyRefused(error: errors.JOSEError, expected: Expected): string {
  if (error instanceof errors.JWTExpired) return timeRefused("exp", error.payload);
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, payload } = error;
    switch (claim) {
      case "aud":
        return `Its audience is ${quoted(payload.aud)}, but ${listed(expected.audiences ?? [])} is expected. Remedy: have the issuer put that into \`aud\`, or write the token's own audience into \`audience\`.`;
      case "iss":
        return issuerRefused(payload.iss, expected.issuers ?? []);
      case "nbf":
        return timeRefused("nbf", payload);
      default:
        return `Its claim ${quoted(claim)} is missing or not valid. Remedy: have its issuer set it; exp and sub are required.`;
    }
  }
  if (error instanceof errors.JWKSNoMatchingKey)
    return "No key of the set has the token's key id and algorithm. Remedy: set jwksUri or jwks to the keys of the project, realm or environment that issues the app's tokens.";
  if (error instanceof errors.JWSSignatureVerificationFailed) return refusals.signature;
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return `Its algorithm is not accepted. Remedy: add it to \`algorithms\`. Accepted are ${expected.algorithms.join(", ")}.`;
  return refusals.form;
}

function timeRefused(claim: "exp" | "nbf", payload: JWTPayload): string {
  const seconds = Math.round(Math.abs(Date.now() / 1_000 - Number(payload[claim])));
  const by = Number.isFinite(seconds) ? ` (${seconds} s)` : "";
  return claim === "exp"
    ? `It has expired${by}. Remedy: have the app get a fresh token before each upload. If it does, this server's clock is ahead: correct the clock, or set clockTolerance to a few seconds.`
    : `It is not valid yet${by}. Remedy: this server's clock is behind the issuer's: correct the clock, or set clockTolerance to a few seconds.`;
}

const longest = 200;

/** Always in quotation marks, because the log treats lines that differ only there as one problem. */
function quoted(value: unknown): string {
  if (value === undefined) return '"" (it has none)';
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return JSON.stringify(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

function listed(values: readonly string[]): string {
  return values.map((each) => JSON.stringify(each)).join(" or ");
}
