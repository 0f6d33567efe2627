/** How hooks and replacements stand around a layer. */
import { describe, expect, it, vi } from "vitest";
import { layer, type LayerHook, replaceable } from "../../src/pipeline/layers.js";

interface Text {
  readonly input: string;
  readonly output: string;
  readonly context: { readonly by: string };
}

const context = { by: "test" };
const run = async (input: string): Promise<string> => `<${input}>`;

/** Adds its name to what passes, on both sides. */
function adding(name: string): LayerHook<Text> {
  return { before: (input) => input + name, after: async (output) => output + name };
}

describe("layer", () => {
  it("is the layer itself where there are no hooks", () => {
    expect(layer<Text>(run, [])).toBe(run);
    expect(layer<Text>(run, [{}])).toBe(run);
  });

  it("runs before in order and after reversed, each on what the last one returned", async () => {
    const hooked = layer<Text>(run, [adding("1"), {}, adding("2"), adding("3")]);
    expect(await hooked("in", context)).toBe("<in123>321");
  });

  it("keeps what a hook does not replace", async () => {
    const hooked = layer<Text>(run, [
      { before: () => undefined, after: () => undefined },
      { before: async () => undefined },
    ]);
    expect(await hooked("in", context)).toBe("<in>");
  });

  it("takes null, and whatever else is falsy, for a replacement", async () => {
    interface Any {
      readonly input: unknown;
      readonly output: unknown;
      readonly context: undefined;
    }
    for (const value of [null, "", 0, false]) {
      const seen = vi.fn(async () => "out" as unknown);
      const hooked = layer<Any>(seen, [{ before: () => value, after: () => value }]);
      expect(await hooked("in", undefined)).toBe(value);
      expect(seen).toHaveBeenCalledExactlyOnceWith(value, undefined);
    }
  });

  it("tells after what went in, and both the context", async () => {
    const before = vi.fn(() => "new");
    const after = vi.fn();
    await layer<Text>(run, [{ before, after }])("in", context);
    expect(before).toHaveBeenCalledExactlyOnceWith("in", context);
    expect(after).toHaveBeenCalledExactlyOnceWith("<new>", context, "new");
  });

  it("ends where a hook throws", async () => {
    const ran = vi.fn(run);
    const other = vi.fn();
    const throwing = (point: "before" | "after") =>
      layer<Text>(ran, [
        { after: other },
        {
          [point]: () => {
            throw new Error(point);
          },
        },
      ])("in", context);
    await expect(throwing("before")).rejects.toMatchObject({ cause: new Error("before") });
    expect(ran).not.toHaveBeenCalled();
    await expect(throwing("after")).rejects.toMatchObject({ cause: new Error("after") });
    expect(other).not.toHaveBeenCalled();
  });

  it("keeps the this of a hook that is an object with methods", async () => {
    class Counter implements LayerHook<Text> {
      readonly mark = "!";
      before(input: string): string {
        return input + this.mark;
      }
    }
    expect(await layer<Text>(run, [new Counter()])("in", context)).toBe("<in!>");
  });

  describe("with a seal", () => {
    const broken = (approved: string, replaced: string): void => {
      if (replaced.charAt(0) !== approved.charAt(0)) throw new Error("broken");
    };

    it("lets replacements through that keep it", async () => {
      const seal = { before: vi.fn(broken), after: vi.fn(broken) };
      const hooked = layer<Text>(run, [adding("1"), adding("2")], seal);
      expect(await hooked("in", context)).toBe("<in12>21");
      expect(seal.before).toHaveBeenCalledExactlyOnceWith("in", "in12");
      expect(seal.after).toHaveBeenCalledExactlyOnceWith("<in12>", "<in12>21");
    });

    it("compares with what was approved, not with what another hook made of it", async () => {
      const twice: LayerHook<Text>[] = [
        { before: () => "other" },
        { before: () => "in, as it was" },
      ];
      expect(await layer<Text>(run, twice, { before: broken })("in", context)).toBe(
        "<in, as it was>",
      );
    });

    it("stops the layer before it runs", async () => {
      const ran = vi.fn(run);
      const hooked = layer<Text>(ran, [{ before: () => "other" }], { before: broken });
      await expect(hooked("in", context)).rejects.toThrow("broken");
      expect(ran).not.toHaveBeenCalled();
    });

    it("judges the output too", async () => {
      const hooked = layer<Text>(run, [{ after: () => "other" }], { after: broken });
      await expect(hooked("in", context)).rejects.toThrow("broken");
    });
  });
});

describe("replaceable", () => {
  it("is the default where there is no replacement", () => {
    expect(replaceable<Text>(run, undefined)).toBe(run);
  });

  it("gives the replacement the default as next, any number of times", async () => {
    const replaced = replaceable<Text>(run, async (input, { by }, next) =>
      input === "special" ? `special, by ${by}` : (await next(input)) + (await next("again")),
    );
    expect(await replaced("special", context)).toBe("special, by test");
    expect(await replaced("in", context)).toBe("<in><again>");
  });

  it("rejects where the replacement throws, at once or later", async () => {
    const thrower = replaceable<Text>(run, () => {
      throw new Error("bug");
    });
    await expect(thrower("in", context)).rejects.toThrow("bug");
  });
});
