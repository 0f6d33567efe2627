/** The outcome of a letter in words, and the count of letters before a bulk operation. */
import type { DeadLetters, LetterFilter, RetryResult } from "../../dead-letters/types.js";
import type { Principal } from "../../context.js";
import type { LetterStatus } from "../../store/letters.js";
import { counted } from "../check.js";
import { oneLine } from "../describe-error.js";

/** The outcome in one line. */
export function wordOf(result: RetryResult | { readonly status: "skipped" }): string {
  switch (result.status) {
    case "retried": {
      const { retried = [], stoppedBy } = result.dependants ?? {};
      const also =
        retried.length === 0 ? "" : `, and ${counted(retried.length, "letter")} of its chain`;
      const stopped =
        stoppedBy === undefined
          ? ""
          : `; ${stoppedBy.id} is in the way of the rest: ${oneLine(stoppedBy.message)}`;
      return `retried${also}${stopped}`;
    }
    case "stale": {
      const rows = result.rows.map(({ table, id }) => `${table} ${id}`).join(", ");
      return `stale: rows have changed since it was recorded (${oneLine(rows)}); --force applies it all the same`;
    }
    case "failed":
      return `failed${result.retryable ? ", and may pass" : ` (${result.errorCode ?? "unknown"})`}: ${oneLine(result.message)}`;
    case "not_open":
      return `not open: it has been ${result.is} already`;
    case "not_found":
      return "there is no such letter";
    case "skipped":
      return "skipped: an earlier letter of its device waits";
  }
}

/** How many of the letters wait. `undefined`: too many to count. */
export async function countWaiting(
  letters: DeadLetters<Principal>,
  filter: LetterFilter,
  whose: { readonly principal?: Principal },
): Promise<number | undefined> {
  const waiting: readonly LetterStatus[] = ["open", "stale"];
  const asked = filter.status === undefined ? waiting : [filter.status].flat();
  const status = asked.filter((each) => waiting.includes(each));
  if (status.length === 0) return 0;
  let count = 0;
  let cursor: string | undefined;
  for (let page = 0; page < mostPages; page += 1) {
    const { letters: found, next } = await letters.list({
      ...filter,
      status,
      ...whose,
      limit: 500,
      ...(cursor !== undefined && { cursor }),
    });
    count += found.length;
    if (next === undefined) return count;
    cursor = next;
  }
  return undefined;
}

const mostPages = 20;
