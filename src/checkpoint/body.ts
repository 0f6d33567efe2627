/** What a device sends for a checkpoint. */
import {
  type ValidationError,
  validateCheckpoint,
  validateCheckpointRequest,
} from "../contract/generated/validate.js";
import { badRequest } from "../errors.js";

/** Which device. @throws badRequest(400) */
export function readCheckpoint(body: unknown): { readonly clientId: string } {
  if (!validateCheckpoint(body)) throw badRequest(400, fault(validateCheckpoint.errors?.[0]));
  return { clientId: body.client_id };
}

/** Which device, and its number. @throws badRequest(400) */
export function readCheckpointRequest(body: unknown): {
  readonly clientId: string;
  readonly requestId: bigint;
} {
  const sent = withDigits(body);
  if (!validateCheckpointRequest(sent)) {
    throw badRequest(400, fault(validateCheckpointRequest.errors?.[0]));
  }
  return { clientId: sent.client_id, requestId: BigInt(sent.checkpoint_request_id) };
}

/** What is beyond 2^53 was read as a bigint, which the contract's text stands for. */
function withDigits(body: unknown): unknown {
  if (typeof body !== "object" || body === null || !("checkpoint_request_id" in body)) return body;
  const { checkpoint_request_id: id } = body;
  return typeof id === "bigint" ? { ...body, checkpoint_request_id: String(id) } : body;
}

function fault(error: ValidationError | undefined): string {
  switch (error?.instancePath) {
    case "/client_id":
      return '"client_id" must be text of 1 to 255 characters.';
    case "/checkpoint_request_id":
      return '"checkpoint_request_id" must be an integer from 0 to 9223372036854775807, or its digits as text.';
    default:
      return error?.keyword === "required"
        ? `There is no "${String(error.params.missingProperty)}".`
        : "Expected a JSON object.";
  }
}
