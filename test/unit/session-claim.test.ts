/** Which claim stands for the device. */
import { describe, expect, it } from "vitest";
import { createWrites } from "../../src/index.js";
import { sessionClaim } from "../../src/jwt/index.js";
import { memoryStore } from "../../src/store/memory.js";

describe("the claim that stands for the device", () => {
  it.each([
    ["supabase", "session_id"],
    ["clerk", "sid"],
    ["keycloak", "sid"],
    ["cognito", "origin_jti"],
  ] as const)("%s", (provider, claim) => {
    const device = sessionClaim(provider);
    expect(device(undefined, { userId: "alice", claims: { [claim]: "s1", jti: "t1" } })).toBe("s1");
    expect(device(undefined, { userId: "alice", claims: { jti: "t1" } })).toBeUndefined();
    expect(device(undefined, { userId: "alice" })).toBeUndefined();
  });

  it("is none where it is no text", () => {
    const device = sessionClaim({ claim: "https://example.com/session" });
    const of = (value: unknown) =>
      device(undefined, { userId: "alice", claims: { "https://example.com/session": value } });
    expect(of("s1")).toBe("s1");
    for (const value of ["", 7, null, {}]) expect(of(value)).toBeUndefined();
  });

  it.each<[unknown, RegExp]>([
    ["auth0", /Action/],
    ["firebase", /header/],
    ["okta", /supabase, clerk, keycloak, cognito/],
    ["toString", /no provider/],
    [{}, /name of a claim/],
    [undefined, /name of a claim/],
  ])("throws for %s, and says what to do", (of, words) => {
    expect(() => sessionClaim(of as "clerk")).toThrow(words);
  });

  it("is what a configuration takes", async () => {
    const store = memoryStore({ tables: { things: { columns: { id: "text", size: "integer" } } } });
    const writes = createWrites({
      authenticate: () => ({ userId: "alice", claims: {} as Record<string, unknown> }),
      database: store,
      tables: { things: { access: "everyone" } },
      ledger: { device: sessionClaim("clerk") },
    });
    const by = async (sid: string, size: number) => {
      const principal = { userId: "alice", claims: { sid } };
      const crud = [{ op: "PUT", table: "things", id: "1", op_data: { size } }];
      expect(await writes.processTransaction({ transaction_id: 1, crud }, { principal })).toEqual({
        status: "success",
      });
      return store.rows("things")[0]?.["size"];
    };
    expect(await by("phone", 1)).toBe(1);
    expect(await by("tablet", 2)).toBe(2);
    // Its session is known: it is the phone's repeat, though the user has changed the row since.
    expect(await by("phone", 1)).toBe(2);
    for (const ledger of [{ contentDays: 0 }, { contentDays: Number.NaN }, { device: "sid" }]) {
      expect(() =>
        createWrites({
          authenticate: () => ({ userId: "alice" }),
          database: store,
          tables: {},
          ledger: ledger as object,
        }),
      ).toThrow(TypeError);
    }
  });
});
