/** The identity provider's keys, fetched from this machine. */
import { describeError } from "../describe-error.js";
import type { Io } from "../io.js";
import { ok, type Verdict, wrong } from "./verdict.js";

const fetchMs = 10_000;

export async function* examineKeys(url: URL, { signal, secrets }: Io): AsyncGenerator<Verdict> {
  const what = "the key set";
  let text: string;
  try {
    const response = await fetch(url, {
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(fetchMs)]),
    });
    if (!response.ok) {
      yield wrong(what, `${url.host} answers ${response.status}. Is the URL the provider's JWKS?`);
      return;
    }
    text = await response.text();
  } catch (error) {
    yield wrong(what, `${url.host} can't be reached: ${describeError(error, { secrets })}`);
    return;
  }
  const keys = keysIn(text);
  yield keys === undefined || keys.length === 0
    ? wrong(what, `${url.host} gives no keys: the URL must be that of a JSON Web Key Set.`)
    : ok(what, `${keys.length} keys: ${keys.map(({ alg, kty }) => alg ?? kty).join(", ")}`);
}

interface Key {
  readonly kty: string;
  readonly alg?: string;
}

function keysIn(text: string): readonly Key[] | undefined {
  try {
    const { keys } = JSON.parse(text) as { readonly keys?: unknown };
    return Array.isArray(keys) && keys.every(isKey) ? keys : undefined;
  } catch {
    return undefined;
  }
}

function isKey(value: unknown): value is Key {
  return typeof value === "object" && value !== null && "kty" in value;
}
