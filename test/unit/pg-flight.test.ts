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
  it("may have left prepared what it has taken back to make room", async () => {
    const names = Array.from({ length: 100 }, (_, index) => `name ${index}`);
    const prepared = { names: new Set(names), doubtful: new Set<string>() };
    const client = {
      query: (query: unknown) => {
        if (typeof query === "string") return Promise.resolve();
        (query as Query).submit(connection);
        (query as Query).handleError(Object.assign(new Error("No."), { code: "23505" }));
        return query;
      },
    };
    const sent = { statements: [{ text: "insert", name: "new", parameters: [] }] };
    await fly(client, sent, prepared, { prepare: true, lost: 0 });
    // Both are closed before the next flight prepares anything.
    expect([...prepared.doubtful].toSorted()).toEqual(["name 0", "new"]);
    expect(prepared.names.has("name 0")).toBe(false);
  });

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
