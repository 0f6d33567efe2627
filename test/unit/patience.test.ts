/** How long the connector waits for an answer: longer than the server takes for one. */
import { expect, it } from "vitest";
import { createPace } from "../../src/client/pace.js";
import { defaultBatch } from "../../src/client/options.js";
import { limitsBody } from "../../src/http/responses.js";
import { limitsOf, timeoutsOf } from "../../src/wire/limits.js";

const paceWith = (body: unknown) =>
  createPace(defaultBatch, {
    url: "http://localhost/api/data",
    headers: {},
    timeoutMs: 1_000,
    fetch: async () => ({
      status: 200,
      headers: { get: () => null },
      text: async () => JSON.stringify(body),
    }),
  });

it.each([
  ["nothing of its times", {}, 180_000],
  ["nonsense", { timeouts: { request_ms: "1", transaction_ms: null } }, 180_000],
  ["its defaults", limitsBody(limitsOf(), timeoutsOf(), {}), 190_000],
  [
    "longer times",
    limitsBody(limitsOf(), timeoutsOf({ requestMs: 100_000, transactionMs: 200_000 }), {}),
    510_000,
  ],
  [
    "no end",
    limitsBody(limitsOf(), timeoutsOf({ requestMs: Infinity, transactionMs: Infinity }), {}),
    3_600_000,
  ],
])("is known of a server that tells %s", async (_name, body, ms) => {
  const pace = paceWith(body);
  expect(pace.patienceMs()).toBe(180_000);
  await pace.bounds(2);
  expect(pace.patienceMs()).toBe(ms);
});

it("is longer than the default times of the server", () => {
  const { requestMs, transactionMs } = timeoutsOf();
  expect(paceWith({}).patienceMs()).toBeGreaterThanOrEqual(requestMs + 2 * transactionMs);
});
