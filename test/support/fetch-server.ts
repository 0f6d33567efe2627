/** A fetch handler behind node:http, so that tests can reach it as they reach the others. */
import type { IncomingMessage, RequestListener } from "node:http";

type FetchHandler = (request: Request) => Promise<Response>;

export function fetchListener(handler: FetchHandler): RequestListener {
  return (request, response) => {
    void (async () => {
      const caller = new AbortController();
      response.on("close", () => caller.abort());
      const answer = await handler(toRequest(request, caller.signal));
      // What is still coming in is thrown away, so that the caller gets to read the answer.
      request.resume();
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      response.end(await answer.text());
    })();
  };
}

function toRequest(request: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", url = "/" } = request;
  const body = method === "GET" || method === "HEAD" ? null : bodyOf(request);
  return new Request(`http://host${url}`, {
    method,
    headers: headersOf(request),
    body,
    signal,
    duplex: "half",
  } as RequestInit);
}

/** Every line that came in, as real hosts hand them over: `Headers` joins what comes several times. */
function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let n = 0; n < rawHeaders.length; n += 2) {
    headers.append(rawHeaders[n] ?? "", rawHeaders[n + 1] ?? "");
  }
  return headers;
}

/** Not `Readable.toWeb`: that ends the connection when the body is given up. */
function bodyOf(request: IncomingMessage): ReadableStream<Uint8Array> {
  let open = true;
  return new ReadableStream({
    start(controller) {
      const end = (how: () => void) => () => {
        if (open) how();
        open = false;
      };
      request.on("data", (chunk: Buffer) => {
        if (open) controller.enqueue(new Uint8Array(chunk));
      });
      request.on(
        "end",
        end(() => controller.close()),
      );
      request.on(
        "close",
        end(() => controller.error(new Error("The caller has left."))),
      );
      request.on(
        "error",
        end(() => controller.error(new Error("The caller has left."))),
      );
    },
    cancel() {
      open = false;
    },
  });
}
