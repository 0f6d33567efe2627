/** Which store a caller's data goes to, and what the process remembers it by. */
import { describe, expect, it, vi } from "vitest";
import { createDatabases, type OpenStore } from "../../src/process/call.js";
import { createPlaces } from "../../src/process/places.js";
import { defaultLimits } from "../../src/wire/limits.js";
import { memoryStore } from "../../src/store/memory.js";

const principal = { userId: "alice" };
const store = memoryStore({ tables: {} });

describe("a database given as an object", () => {
  it("is opened once", async () => {
    const open = vi.fn<OpenStore>(async () => store);
    const databases = createDatabases<typeof principal, unknown>({} as never, open, () =>
      createPlaces(defaultLimits, 60_000),
    );
    const [first, second] = await Promise.all([databases.of(principal), databases.of(principal)]);
    expect(first).toBe(second);
    expect(open).toHaveBeenCalledOnce();
  });

  it("is opened anew where that failed", async () => {
    const open = vi
      .fn<OpenStore>(async () => store)
      .mockRejectedValueOnce(new Error("The driver can't be loaded right now."));
    const databases = createDatabases<typeof principal, unknown>({} as never, open, () =>
      createPlaces(defaultLimits, 60_000),
    );
    await expect(databases.of(principal)).rejects.toThrow("right now");
    expect(await databases.of(principal)).toMatchObject({ store });
    expect(open).toHaveBeenCalledTimes(2);
  });
});
