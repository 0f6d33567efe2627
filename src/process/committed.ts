/** The `committed` hooks: what is told once a transaction has been committed. */
import { type Call, publicContext } from "./call.js";
import type { WritesConfig } from "../config.js";
import { correlated, type Emit } from "../events.js";
import type { Committed, Principal } from "../pipeline/layers.js";
import { hooksOf } from "../pipeline/pipeline.js";

/** Never rejects. */
export type AnnounceCommit<P extends Principal, DB> = (
  committed: Committed,
  call: Call<P, DB>,
) => Promise<void>;

export function createAnnounceCommit<P extends Principal, DB>(
  config: WritesConfig<P, DB>,
  emit: Emit,
): AnnounceCommit<P, DB> {
  const hooks = hooksOf(config).flatMap(({ committed }) => committed ?? []);
  return async (committed, call) => {
    for (const hook of hooks) {
      try {
        await hook(committed, publicContext(call));
      } catch (error) {
        const during = "committed";
        emit({ type: "error", ...correlated(call), during, error, outcome: "ignored" });
      }
    }
  };
}
