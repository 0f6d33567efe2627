/** Asks the configuration which device has sent an upload that carries no client id. */
import type { WritesConfig } from "../config/config.js";
import type { CallContext, Principal } from "../context.js";
import { type Emit, correlated } from "../events/emit.js";

/** What `ledger.device` returns; an empty object if it names no device. `undefined`: the function failed. Never rejects. */
export async function deviceFor<P extends Principal, DB>(
  { ledger }: Pick<WritesConfig<P, DB>, "ledger">,
  context: CallContext<P>,
  emit: Emit,
): Promise<{ readonly device?: string } | undefined> {
  if (ledger === false || ledger?.device === undefined) return {};
  try {
    const device: unknown = await ledger.device(context.request, context.principal);
    if (device === undefined || device === null || device === "") return {};
    if (typeof device === "string") return { device };
    throw new TypeError("ledger: `device` must give a text, or undefined where there is none.");
  } catch (error) {
    const during = "transaction";
    emit({ type: "error", ...correlated(context), during, error, outcome: "retryable" });
    return undefined;
  }
}
