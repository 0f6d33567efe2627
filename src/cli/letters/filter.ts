/** Selects letters, by their ids or by a filter, and counts them. */
import type { Principal } from "../../context.js";
import type { DeadLetters, LetterFilter } from "../../dead-letters/types.js";
import type { LetterStatus } from "../../store/letters.js";
import { oneOf, UsageProblem } from "../command.js";

export const filterOptions = {
  status: {
    type: "string",
    multiple: true,
    value: "STATUS",
    about: "open, stale, retried or discarded; separate several with commas",
  },
  user: { type: "string", value: "ID", about: "letters of this user" },
  client: { type: "string", value: "ID", about: "letters of this device" },
  code: { type: "string", value: "CODE", about: "letters with this error code" },
  table: { type: "string", value: "NAME", about: "letters that name this client table" },
  root: { type: "string", value: "ID", about: "the dependants of this letter" },
  since: {
    type: "string",
    value: "TIME",
    about: "first seen at this time or later: 2026-01-31T12:00:00Z",
  },
  until: { type: "string", value: "TIME", about: "first seen before this time" },
} as const;

export interface FilterArguments {
  readonly status?: readonly string[];
  readonly user?: string;
  readonly client?: string;
  readonly code?: string;
  readonly table?: string;
  readonly root?: string;
  readonly since?: string;
  readonly until?: string;
}

const statuses: readonly LetterStatus[] = ["open", "stale", "retried", "discarded"];

/** @throws UsageProblem */
export function filterOf(values: FilterArguments): LetterFilter {
  const { status, user, client, code, table, root } = values;
  const [since, until] = (["since", "until"] as const).map((name) => timeOf(name, values[name]));
  return {
    ...(status && {
      status: status
        .flatMap((each) => each.split(","))
        .map((each) => oneOf("status", each, statuses)),
    }),
    ...(user !== undefined && { userId: user }),
    ...(client !== undefined && { clientId: client }),
    ...(code !== undefined && { errorCode: code }),
    ...(table !== undefined && { table }),
    ...(root !== undefined && { root }),
    ...(since && { since }),
    ...(until && { until }),
  };
}

function timeOf(name: string, given: string | undefined): Date | undefined {
  if (given === undefined) return undefined;
  const time = new Date(/^\d{4}-\d\d-\d\d/.test(given) ? given : Number.NaN);
  if (Number.isNaN(time.getTime())) {
    throw new UsageProblem(`--${name} must be a time, such as 2026-01-31T12:00:00Z.`);
  }
  return time;
}

/** Selects letters by ids or by a filter. All letters are selected only with `--all`. @throws UsageProblem */
export function chosen(
  ids: readonly string[],
  values: FilterArguments & { readonly all?: boolean },
  what: string,
): { readonly ids: readonly string[] } | { readonly filter: LetterFilter } {
  const filter = filterOf(values);
  const filtered = Object.keys(filter).length > 0;
  if (ids.length > 0) {
    if (filtered || values.all === true) {
      throw new UsageProblem("Give the ids of letters or a filter, not both.");
    }
    return { ids };
  }
  if (!filtered && values.all !== true) {
    throw new UsageProblem(`Say which letters to ${what}: their ids, a filter, or --all.`);
  }
  return { filter };
}

/** The number of letters that wait. `undefined`: too many to count. */
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
