/** Node's own response: notices a caller who disconnects, and sends a response so that a caller who is still uploading can read it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WriteResponse } from "../src/model.js";
import { type Mountable, unhandled } from "./host.js";
import { type NodeRequest, toWriteRequest } from "./node-request.js";

/** Handles a request and sends the response. Never rejects. */
export async function serve(
  mountable: Pick<Mountable, "handle">,
  request: NodeRequest,
  response: ServerResponse,
  url: string,
): Promise<void> {
  const caller = watchCaller(response);
  try {
    const result = await mountable.handle(toWriteRequest(request, url, caller.signal));
    await sendResponse(request, response, result);
  } catch {
    await sendResponse(request, response, unhandled);
  } finally {
    caller.stop();
  }
}

interface Caller {
  /** Aborted when the caller disconnects before the response has been sent. */
  readonly signal: AbortSignal;
  /** Ends the watching; to be called once the response has been sent. */
  stop(): void;
}

export function watchCaller(response: ServerResponse): Caller {
  const controller = new AbortController();
  const onClose = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.destroyed) onClose();
  response.on("close", onClose);
  return { signal: controller.signal, stop: () => void response.off("close", onClose) };
}

/** Resolves when the response has been passed to the operating system, or can no longer be sent. Never rejects. */
export async function sendResponse(
  request: IncomingMessage,
  response: ServerResponse,
  result: WriteResponse,
): Promise<void> {
  if (response.headersSent || isClosed(response)) return;
  response.on("error", ignore);
  try {
    response.statusCode = result.status;
    for (const [name, value] of Object.entries(result.headers)) {
      // Earlier middleware may have set `vary`, and its values still hold.
      const before = name === "vary" ? response.getHeader(name) : undefined;
      response.setHeader(name, before === undefined ? value : [before, value].flat().join(", "));
    }
    if (result.body !== "") response.setHeader("content-length", Buffer.byteLength(result.body));
    // After a 401, a 413 or a 415 the caller may be sending the body still.
    if (request.complete) await endResponse(response, result.body);
    else await endWhileReceiving(request, response, result.body);
  } catch {
    // Node refuses a header, or a framework's wrapper throws.
    response.destroy();
  } finally {
    response.off("error", ignore);
  }
}

const lingerMs = 5_000;

/**
 * Closing the connection at once would reset it, and a caller who is still sending would lose the response.
 * So the response is sent first, and the rest of the body is discarded for up to `lingerMs`.
 */
async function endWhileReceiving(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
): Promise<void> {
  if (request.httpVersionMajor < 2) response.setHeader("connection", "close");
  if (body === "") response.flushHeaders();
  else response.write(body);
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      request.off("end", done).off("close", done).off("error", done);
      response.off("close", done);
      resolve();
    };
    const timer = setTimeout(done, lingerMs);
    request.on("end", done).on("close", done).on("error", done);
    response.on("close", done);
    if (request.destroyed || isClosed(response)) done();
    else request.resume();
  });
  await endResponse(response, "");
}

function endResponse(response: ServerResponse, body: string): Promise<void> {
  return new Promise((resolve) => {
    if (isClosed(response)) return resolve();
    const done = () => {
      response.off("finish", done).off("close", done);
      resolve();
    };
    response.on("finish", done).on("close", done);
    response.end(body);
  });
}

function isClosed(response: ServerResponse): boolean {
  return response.destroyed || response.writableEnded || response.socket?.destroyed === true;
}

function ignore(): void {}
