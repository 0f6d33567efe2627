/** Events reach whoever listens, and whatever becomes of them changes nothing. */
import { describe, expect, it, vi } from "vitest";
import { emitter } from "../../src/emit.js";
import type { WriteEvent } from "../../src/events.js";

const event: WriteEvent = {
  type: "row_missing",
  correlationId: "c",
  table: "lists",
  id: "1",
  op: "PATCH",
  operationIndex: 0,
};

describe("emitter", () => {
  it("passes events on", () => {
    const onEvent = vi.fn();
    emitter([{ tell: onEvent }])(event);
    expect(onEvent).toHaveBeenCalledExactlyOnceWith(event);
  });

  it("tells a listener what it wants to hear", () => {
    const tell = vi.fn();
    const emit = emitter([{ types: new Set(["pruned"]), tell }]);
    emit(event);
    expect(tell).not.toHaveBeenCalled();
    emit({ type: "pruned", correlationId: "c", removed: 1 });
    expect(tell).toHaveBeenCalledOnce();
  });

  it("has nothing to do where nobody listens", () => {
    expect(() => emitter([])(event)).not.toThrow();
  });

  it("is not stopped by a listener that throws", () => {
    const tell = () => {
      throw new Error("The log is full.");
    };
    const emit = emitter([{ tell }]);
    expect(() => emit(event)).not.toThrow();
  });

  it("nor by one that rejects, which would end the process", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    try {
      // An async function fits the type.
      const listener: (event: WriteEvent) => void = async () => {
        throw new Error("The log is full.");
      };
      emitter([{ tell: listener }])(event);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off("unhandledRejection", unhandled);
    }
  });
});
