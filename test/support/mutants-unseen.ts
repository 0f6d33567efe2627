/** Write endpoints whose mistakes the audit did not see at first, each with the case that was made for it. */
import {
  fromQueue,
  hashOf,
  hasDevice,
  type Json,
  onCrud,
  onEntries,
  onResponse,
  onResults,
  onValues,
  oneByOne,
  sorted,
  takenFor,
} from "./interceptors.js";
import type { Mutant } from "./mutants.js";

const changed = (values: Json, change: (value: unknown) => unknown): Json => {
  const entries = Object.entries(values).map(([name, value]) => [name, change(value)] as const);
  return entries.every(([name, value]) => value === values[name])
    ? values
    : Object.fromEntries(entries);
};

const withoutMember = (entry: Json, name: string): Json =>
  Object.fromEntries(Object.entries(entry).filter(([each]) => each !== name));

/** What devices have sent of each row. */
const rowsSent = () => {
  const rows = new Map<unknown, Json>();
  const stale = ({ id, previous_values }: Json): boolean => {
    const row = rows.get(id);
    return Object.entries((previous_values ?? {}) as Json).some(
      ([name, value]) => row !== undefined && row[name] !== value,
    );
  };
  const sent = ({ id, op_data }: Json): void => {
    rows.set(id, { ...rows.get(id), ...(op_data as Json | undefined) });
  };
  return { stale, sent };
};

export const unseenMutants: readonly Mutant[] = [
  {
    name: "trims texts",
    caughtBy: "W-277",
    intercept: onValues((values) =>
      changed(values, (value) => (typeof value === "string" ? value.trim() : value)),
    ),
  },
  {
    name: "trims the ends of texts",
    caughtBy: "W-277",
    intercept: onValues((values) =>
      changed(values, (value) => (typeof value === "string" ? value.trimEnd() : value)),
    ),
  },
  {
    name: "makes NULL of an empty text",
    caughtBy: "W-278",
    intercept: onValues((values) => changed(values, (value) => (value === "" ? null : value))),
  },
  {
    name: "applies everything behind a failure and says that it has not",
    caughtBy: "U-175",
    config: { onFatal: "skip" },
    intercept: onResults((all) =>
      all[0]?.["status"] === "fatal_error"
        ? all.map((result, index) => (index === 0 ? result : { status: "not_attempted" }))
        : all,
    ),
  },
  {
    name: "passes over a PATCH that was made on an older row",
    caughtBy: "W-212",
    intercept: (next) => {
      const { stale, sent } = rowsSent();
      return onCrud((crud) => {
        const kept = crud.filter((entry) => entry["op"] !== "PATCH" || !stale(entry));
        for (const entry of kept) sent(entry);
        return kept.length === crud.length ? crud : kept;
      })(next);
    },
  },
  {
    name: "takes the operation id 0 for none",
    caughtBy: "L-459",
    intercept: onEntries((entry) => (entry["op_id"] === 0 ? withoutMember(entry, "op_id") : entry)),
  },
  {
    name: "takes a table's name in any capitals",
    caughtBy: "W-257",
    intercept: onEntries((entry) => {
      const { table } = entry;
      const name = typeof table === "string" ? table.toLowerCase() : table;
      return name === table ? entry : { ...entry, table: name };
    }),
  },
  {
    name: "refuses a request of which it has applied a part",
    caughtBy: "U-176",
    intercept: onResponse(async (response) =>
      (await response.clone().text()).includes("INVALID_TRANSACTION")
        ? Response.json({ message: "Bad request." }, { status: 400 })
        : response,
    ),
  },
  {
    name: "says 503 and not for how long",
    caughtBy: "O-804",
    intercept: onResponse((response) => {
      const headers = new Headers(response.headers);
      headers.delete("retry-after");
      return new Response(response.body, { status: response.status, headers });
    }),
  },
  {
    name: "remembers without the row",
    caughtBy: "L-460",
    intercept: takenFor(({ crud }, { body, caller }) =>
      hasDevice(body) && crud.every(({ op_id }) => typeof op_id === "number")
        ? [
            caller,
            body["client_id"],
            crud.map(({ op, op_id, op_data }) => [op, op_id, sorted(op_data)]),
          ]
        : undefined,
    ),
  },
  {
    name: "remembers with a transaction's place in its request",
    caughtBy: "L-461",
    intercept: oneByOne(() => (transaction, ask, { body }) => {
      const place = body.transactions.indexOf(transaction);
      return ask(transaction, hasDevice(body) ? fromQueue(String(place)) : {});
    }),
  },
  {
    name: "remembers with all that came in one request",
    caughtBy: "L-461",
    intercept: oneByOne(
      () =>
        (transaction, ask, { body }) =>
          ask(transaction, hasDevice(body) ? fromQueue(hashOf(body.transactions)) : {}),
    ),
  },
];
