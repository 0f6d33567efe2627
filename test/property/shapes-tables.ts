/** What the statements of all databases have in common. */
import type { Shape } from "./shapes.js";

export function keyOf({ composite }: Shape): readonly string[] {
  return composite ? ["id", "part"] : ["id"];
}

/** Those that may be written. */
export function columnsOf(shape: Shape): readonly string[] {
  return [...keyOf(shape), "owner", "circle", "body", "n", "gone"];
}

interface Words {
  readonly owner: string;
  readonly text: string;
  /** Behind the columns of the key. */
  readonly key?: string;
  /** Instead of the key's. */
  readonly primary?: readonly string[];
  readonly more?: readonly string[];
  /** Behind all. */
  readonly end?: string;
}

export function tableOf(shape: Shape, words: Words): string {
  const { composite, defaults, generated, unique } = shape;
  const { owner, text, key = "", primary = keyOf(shape), more = [], end = "" } = words;
  const or = (value: string) => (defaults === "some" ? ` default ${value}` : "");
  const columns = [
    `id ${text} not null`,
    ...(composite ? [`part ${text} not null`] : []),
    `owner ${owner}`,
    `circle ${text}`,
    `body ${text}${or("'made'")}`,
    `n integer${or("7")}${defaults === "required" ? " not null" : ""}`,
    "gone integer not null default 0",
    `note ${text} default 'none'`,
    ...(generated ? ["twice integer generated always as (n * 2) stored"] : []),
    ...more,
    `primary key (${primary.join(", ")})${key}`,
    ...(unique ? ["unique (body)"] : []),
  ];
  return `create table items (${columns.join(", ")})${end}`;
}

/** A row in a trigger: what it goes by in the effects, and the condition that finds it. */
export function rowOf(shape: Shape, concatenated: (parts: readonly string[]) => string) {
  return {
    at: (row: string) => {
      const [id, ...more] = keyOf(shape).map((each) => `${row}.${each}`);
      return concatenated([id ?? "", ...more.flatMap((each) => ["'.'", each])]);
    },
    isRow: (row: string) =>
      keyOf(shape)
        .map((each) => `${each} = ${row}.${each}`)
        .join(" and "),
  };
}
