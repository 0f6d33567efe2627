/**
 * Finds out whether middleware has lost or parsed a request's body. A lost body is not the device's fault: the device keeps its writes until the
 * server is fixed, and the operator is told what to change.
 */
import { type Emit, correlated } from "../events/emit.js";
import type { Correlated } from "../events/events.js";
import { isMissingBody } from "../process/direct.js";

/** `{"crud":[]}`, in bytes. No compression makes it shorter. */
const shortestUpload = 11;

/**
 * Returns the remedy if the body of a request was lost, and otherwise `undefined`. A list, and anything too short to be an upload, counts as sent by
 * the device.
 *
 * @param left what middleware has left of the body
 */
export function lossOf(left: unknown, headers: Headers): string | undefined {
  if (isForm(left)) return formCure;
  const sent = Number(headers.get("content-length") ?? Infinity);
  return isMissingBody(left) && !Array.isArray(left) && sent >= shortestUpload
    ? goneCure
    : undefined;
}

/** Whether a form parser read JSON. It takes the JSON text, or its beginning, for the name of a field. */
function isForm(body: unknown): boolean {
  if (typeof body !== "object" || body === null) return false;
  return /^\s*[{[]/.test(Object.keys(body)[0] ?? "");
}

const goneCure =
  "Middleware has read the body without keeping it. Mount powersync-writes before that middleware, or make the middleware keep the body on the request as `body` or `rawBody`.";
const formCure =
  "A form parser has read the JSON body as a form. Mount powersync-writes before that parser, or limit the parser to the content type application/x-www-form-urlencoded.";

/** Creates the function that tells the operator, once, that a body parser runs before the library. */
export function parserNotice(emit: Emit): (context: Correlated, kept: "value" | "text") => void {
  const told = new Set<string>();
  return (context, kept) => {
    if (told.has(kept)) return;
    told.add(kept);
    emit({ type: "body_parsed", ...correlated(context), kept, cure: parserCure });
  };
}

const parserCure =
  "Mount powersync-writes before the body parser. In Nest, set the module's own `path` instead of a path of RouterModule.";
