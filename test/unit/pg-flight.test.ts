/** What a flight makes of the server's answers, over a connection that the test plays. */
import { describe, expect, it } from "vitest";
import { fly } from "../../adapters/pg-flight.js";
import type { FlightAnswer } from "../../src/sql/pool-requests.js";

interface Query {
  submit(connection: object): unknown;
  handleCommandComplete(): void;
  handleError(error: unknown): void;
}

const connection = {
  stream: {},
  parse: () => undefined,
  bind: () => undefined,
  execute: () => undefined,
  close: () => undefined,
  sync: () => undefined,
};

const statements = ["begin", "insert", "commit"].map((text) => ({ text, parameters: [] }));

/** So many statements are answered well, and then comes an error. */
async function landingAfter(answered: number, code: string): Promise<FlightAnswer> {
  const client = {
    query: (query: unknown) => {
      if (typeof query === "string") return Promise.resolve();
      const flight = query as Query;
      flight.submit(connection);
      for (let count = 0; count < answered; count += 1) flight.handleCommandComplete();
      flight.handleError(Object.assign(new Error("It is the server's."), { code }));
      return flight;
    },
  };
  const prepared = { names: new Set<string>(), doubtful: new Set<string>() };
  return fly(client, { statements }, prepared, { prepare: false, lost: 0 });
}

describe("a flight that ends in an error", () => {
  it("has been undone where COMMIT has not been answered", async () => {
    for (const answered of [0, 1, 2])
      expect(await landingAfter(answered, "57014")).toMatchObject({ undone: true });
  });

  it("may have been committed where COMMIT has been answered, whatever the error", async () => {
    expect(await landingAfter(3, "57014")).toMatchObject({ undone: false });
  });

  it("may have been committed where the error is not the server's", async () => {
    expect(await landingAfter(2, "ECONNRESET")).toMatchObject({ undone: false });
  });
});
