/** Fastify. Its own parser leaves the body unparsed, and the answer is the handler's `Response`. */
import Fastify from "fastify";
import { powersyncWrites } from "../../adapters/fetch.js";
import { configFor } from "./config.js";

const write = powersyncWrites(configFor(process.env));

export const app = Fastify();
app.get("/", async () => "The rest of the application.");

await app.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  const raw = { parseAs: "buffer", bodyLimit: 16 * 1024 * 1024 } as const;
  scope.addContentTypeParser("*", raw, (_request, body, done) => done(null, body));
  scope.route({
    // Only older demo clients use the methods other than POST.
    method: ["POST", "PUT", "PATCH", "DELETE"],
    url: "/api/data",
    handler: ({ url, method, headers, body }) =>
      write(
        new Request(new URL(url, "http://fastify"), {
          method,
          headers: headers as Record<string, string>,
          body: body as Uint8Array<ArrayBuffer>,
        }),
      ),
  });
});
