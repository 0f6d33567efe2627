/** How a rare table, and what is written to it, is described. */
/** What is sent, and what is answered: `success`, a code, or an event of a success. */
type Step = readonly [op: string, id: string, data: object | undefined, answer: string];

export interface RareTable {
  readonly made: readonly string[];
  readonly rule?: Readonly<Record<string, unknown>>;
  readonly steps: readonly Step[];
  /** By id, what the table holds then. */
  readonly rows: Readonly<Record<string, unknown>>;
}

export const text = "varchar(40)";
export const plain = `create table items (id ${text} primary key, owner_id ${text}, body ${text}, size integer)`;
export const live = { table: "live" } as const;
export const fn = (body: string) =>
  `create function does() returns trigger language plpgsql as $$ begin ${body} end $$`;
export const on = (when: string, table = "items", each = "row") =>
  `create trigger a_does ${when} on ${table} for each ${each} execute function does()`;
export const put = (id: string, body: string, answer = "success"): Step => [
  "PUT",
  id,
  { body },
  answer,
];
export const patch = (id: string, body: string, answer = "success"): Step => [
  "PATCH",
  id,
  { body },
  answer,
];
export const remove = (id: string, answer = "success"): Step => ["DELETE", id, undefined, answer];
export const asEver: readonly Step[] = [
  put("a", "1"),
  put("a", "2"),
  patch("a", "3"),
  put("b", "1"),
  remove("b"),
];
