/**
 * What middleware in front has done to a request's body: lost it, or parsed it. The device is not at fault, and keeps its writes until the server is
 * fixed; the operator is told what to change.
 */
import { type Emit, correlated } from "../events/emit.js";
import type { Correlated } from "../events/events.js";
import { isMissingBody } from "../process/direct.js";

/** `{"crud":[]}`, in bytes. No compression makes it shorter. */
const shortestUpload = 11;

/**
 * How the body of a request was lost, if it was: the cure. A list, and what is too short to be an upload, is what the device has sent.
 *
 * @param left what middleware in front has left of the body
 */
export function lossOf(left: unknown, headers: Headers): string | undefined {
  if (isForm(left)) return formCure;
  const sent = Number(headers.get("content-length") ?? Infinity);
  return isMissingBody(left) && !Array.isArray(left) && sent >= shortestUpload
    ? goneCure
    : undefined;
}

/** A form parser that is given JSON makes its text, or the beginning of it, a name. */
function isForm(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  return /^\s*[{[]/.test(Object.keys(body)[0] ?? "");
}

const goneCure =
  "Middleware has read the body and kept nothing of it. Mount powersync-writes before that middleware, or make it leave the body on the request as `body` or `rawBody`.";
const formCure =
  "A form parser has read the JSON body as a form. Mount powersync-writes before that parser, or limit the parser to the content type application/x-www-form-urlencoded.";

/** Makes the function that tells the operator once that a body parser runs in front. */
export function parserNotice(emit: Emit): (context: Correlated, kept: "value" | "text") => void {
  const told = new Set<string>();
  return (context, kept) => {
    if (told.has(kept)) return;
    told.add(kept);
    emit({ type: "body_parsed", ...correlated(context), kept, cure: parserCure });
  };
}

const parserCure =
  "Mount powersync-writes before the body parser. In Nest, give the module its `path`, and not a path of RouterModule's.";
